/** `spillway flows`, `procs` and `snapshot` as they are run: each option of each, a reader that goes away, an agent that does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { documentOf, serve } from './support/fake-agent.ts';
import { run, SPILLWAY } from './support/run.ts';
import { startScreen } from './support/tmux.ts';

const HOSTILE = '\x1b[2J\x1b]0;owned\x07\n\u6f22';

const processOf = (pid: number, comm: string, attempts: number) => ({
  ...{ pid, comm, unit: '', attempts, outcomes: { zerocopy: attempts }, mechanisms: { sendfile: attempts } },
  ...{ fallbacks: 0, fallen: [] },
});
const flowOf = (src: string, attempts: number) => ({
  ...{ src, dst: '10.9.9.9', proto: 'tcp', attempts, bytes: attempts, outcomes: { zerocopy: attempts } },
});
const HOST = {
  processes: [processOf(30, 'walrus', 9), processOf(20, HOSTILE, 5), processOf(10, 'ant', 1)],
  flows: [flowOf('10.0.0.3', 9), flowOf('10.0.0.2', 5), flowOf('10.0.0.1', 1)],
};

interface Document {
  readonly schema: string;
  readonly processes?: readonly { pid: number; comm: string }[];
  readonly flows?: readonly { src: string }[];
}

/** What each command lists, by a name; and what its options are called there. */
const COMMANDS = [
  { command: 'flows', names: ({ flows = [] }: Document) => flows.map(({ src }) => src), sort: 'src', filter: '0.0.2' },
  {
    command: 'procs',
    names: ({ processes = [] }: Document) => processes.map(({ pid }) => String(pid)),
    ...{ sort: 'pid', filter: '20' },
  },
  {
    command: 'snapshot',
    names: ({ processes = [] }: Document) => processes.map(({ pid }) => String(pid)),
    ...{ sort: 'name', filter: 'WALRUS' },
  },
];

describe.each(COMMANDS)('$command', ({ command, names, sort, filter }) => {
  const all = command === 'flows' ? ['10.0.0.3', '10.0.0.2', '10.0.0.1'] : ['30', '20', '10'];
  const sorted = { flows: all.toReversed(), procs: all.toReversed(), snapshot: ['20', '10', '30'] }[command];
  const filtered = { flows: ['10.0.0.2'], procs: ['20'], snapshot: ['30'] }[command];

  it.each([
    [[], all],
    [['--sort', sort], sorted],
    [['--limit', '2'], all.slice(0, 2)],
    [['--filter', filter], filtered],
    [['--sort', sort, '--limit', '1'], sorted?.slice(0, 1)],
  ])('-o json and ndjson with %j', async (options, expected) => {
    const { url } = await serve((_, n) => documentOf(HOST, n));
    for (const format of ['json', 'ndjson']) {
      const { code, stdout, stderr } = await run([SPILLWAY, command, '-a', url, '-o', format, ...options]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const document = JSON.parse(stdout) as Document;
      expect([document.schema, names(document)]).toEqual([`spillway.${command}/1`, expected]);
      if (format === 'ndjson') expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
      else expect(stdout).toContain('\n  "');
    }
  });

  it('a table that a terminal can be shown, whatever the names are', async () => {
    const { url } = await serve((_, n) => documentOf(HOST, n));
    const { code, stdout, stderr } = await run([SPILLWAY, command, '-a', url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // eslint-disable-next-line no-control-regex -- that there are none
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  });

  it('--watch: a document each time, also after an agent that went away in the middle of one; a signal ends it', async () => {
    const { url } = await serve((_, n) => (n === 1 || n === 2 ? null : documentOf(HOST, n)));
    const child = spawn(SPILLWAY, [command, '-a', url, '-o', 'ndjson', '--watch', '50ms']);
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const exited = once(child, 'close');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) {
      expect(names(JSON.parse((await lines.next()).value as string) as Document)).toEqual(all);
    }
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(stderr.match(/trying again/g)).toHaveLength(1);
    expect(stderr).toContain('the daemon answers again');
  });
});

/** More than a pipe holds. */
const MANY = 65_536;
const crowd = {
  processes: Array.from({ length: MANY }, (_, i) => processOf(i + 1, 'crowd', MANY - i)),
  flows: Array.from({ length: MANY }, (_, i) => flowOf(`10.0.${String(i >> 8)}.${String(i & 255)}`, MANY - i)),
};

it.each([
  'flows',
  'procs',
  'flows -o json',
  'procs -o ndjson',
  'snapshot -o json',
  'flows --watch 50ms',
  'top --limit 65536 -n 100ms',
])('%s | head -c 9: 65,536 rows for a reader that goes away, which ends it quietly', async (command) => {
  const { url } = await serve((_, n) => documentOf(crowd, n));
  const pipe = `${SPILLWAY} ${command} -a ${url} | head -c 9; echo " \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await run(['bash', '-c', pipe]);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^.{9} 0\n$/s);
});

it.each(['flows', 'procs', 'snapshot', 'snapshot -o prometheus', 'stat'])(
  '%s --duration counts the seconds for who waits at a terminal',
  async (command) => {
    const screen = startScreen(`${SPILLWAY} ${command} --duration 60s`);
    await screen.shows(/^[0-9]+ s of 60 s$/m);
  },
);

it('and says nothing of them to a pipe', async () => {
  const { code, stderr } = await run([SPILLWAY, 'snapshot', '--duration', '1500ms']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
