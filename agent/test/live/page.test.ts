/** The status page in a real Chromium, in front of the real agent: what an operator sees when something begins to copy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { hashSync } from 'bcryptjs';
import { expect, it, onTestFinished } from 'vitest';
import { CertificateMaker } from '../support/certificates.ts';
import { Chromium } from './support/chromium.ts';
import { until } from './support/kernel.ts';
import { type Daemon, startDaemon, temporaryDirectory } from './support/run.ts';

/** Sends a file without a copy; from the moment that a file `degrade` is there, one that has to be read. */
const LOAD = `
import os, socket, sys, time, threading
directory = sys.argv[1]
open('/proc/self/comm', 'w').write(sys.argv[2])
a, b = socket.socketpair()
def drain():
    while b.recv(65536): pass
threading.Thread(target=drain, daemon=True).start()
good = os.open(directory + '/data', os.O_RDONLY)
refused = 0
while True:
    for _ in range(20):
        if os.path.exists(directory + '/degrade'):
            bad = os.open('/proc/self/status', os.O_RDONLY)
            try: os.sendfile(a.fileno(), bad, 0, 100)
            except OSError: a.send(os.read(bad, 100))
            refused += 1
            if refused == int(sys.argv[3]):
                with open(directory + '/enough.new', 'w') as file: file.write(str(time.time()))
                os.rename(directory + '/enough.new', directory + '/enough')
            os.close(bad)
        else:
            os.sendfile(a.fileno(), good, 0, 4096)
    time.sleep(0.05)
`;

interface Load {
  readonly child: ChildProcess;
  degrade(): void;
  /** When as many calls had been refused as the rule needs, in seconds of the host's clock; null before that. */
  enough(): number | null;
}

/** Refusals without which the rule fires for nobody. */
const ENOUGH = 10;

/** @param comm what it calls itself */
function startLoad(comm: string): Load {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'data'), Buffer.alloc(8192));
  const child = spawn('python3', ['-c', LOAD, directory, comm, String(ENOUGH)], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const enough = join(directory, 'enough');
  return {
    child,
    degrade: () => writeFileSync(join(directory, 'degrade'), ''),
    enough: () => (existsSync(enough) ? Number(readFileSync(enough, 'utf8')) : null),
  };
}

/** A name that no other program on this host has: what others do fires nothing here. */
const NAME = `falls-${String(process.pid)}`;

/** One rule, that needs little, so that a test sees it fire. */
function config(): string[] {
  const directory = temporaryDirectory();
  const file = join(directory, 'config.yaml');
  writeFileSync(
    file,
    `alerts:
  state_directory: ${directory}/state
  rules:
    IoUringSubmitEagain: {enabled: false}
    SendfileFallback:
      window: 3s
      for: 0s
      scopes: [workload]
      ratio:
        numerator: workload_fallbacks_total{mechanism="sendfile", comm="${NAME}"}
        denominator: workload_attempts_total{mechanism="sendfile", comm="${NAME}"}
        minimum: ${String(ENOUGH)}
`,
  );
  return ['--config', file];
}

/** The cells of the row of a table whose head has a text in it. */
const rowOf = (section: string, head: string): string => `
  [...document.querySelectorAll('#${section} tbody tr')]
    .map((row) => [...row.cells].map((cell) => cell.textContent))
    .find(([head]) => head.includes(${JSON.stringify(head)}))`;

const text = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`;

const LOOKS = [
  { name: 'light-1440', width: 1440 },
  { name: 'dark-1440', width: 1440, dark: true },
  { name: 'light-1280', width: 1280 },
  { name: 'dark-1280', width: 1280, dark: true },
  { name: 'light-320', width: 320 },
  { name: 'dark-320', width: 320, dark: true },
];

/** Nothing on the page is wider than the page: what is wide scrolls by itself. */
const overflowOf = (selector: string): string =>
  `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector(${JSON.stringify(selector)}))`;
const OVERFLOW = overflowOf('html');

/** That of a row about names that are as long as usual ones get. It stands there until the next message. */
const OVERFLOW_OF_LONG_NAMES = `
  {
    const [reason, call, , program, culprit] = document.querySelector('#why tbody tr').cells;
    reason.textContent = 'source_socket_without_splice';
    call.textContent = 'copy_file_range';
    program.lastElementChild.textContent = ' pid 1234567, 1234568, 1234569';
    culprit.firstElementChild.textContent = '${'/a-directory'.repeat(8)}';
    culprit.lastElementChild.textContent = ' socket, sockfs, O_NONBLOCK';
  }
  ${overflowOf('#why .scroll')}`;

async function watched(flags: readonly string[] = config()): Promise<{ daemon: Daemon; chromium: Chromium }> {
  const daemon = await startDaemon(flags);
  const chromium = await Chromium.start();
  await chromium.look({ width: 1440 });
  await chromium.open(`${daemon.url}/`);
  await until(async () => (await chromium.evaluate<string>(text('#stream'))).startsWith('live'));
  return { daemon, chromium };
}

/** What the page has shown, by message. */
interface Shown {
  /** Seconds of the day at which this was collected, whole ones. */
  readonly second: number;
  readonly why: boolean;
  readonly alert: boolean;
}

/**
 * Those that were collected after a moment. Compared are the time of the collection, by the agent, and that of the calls, by the
 * program: how late all this is shown on a busy machine decides nothing.
 */
const collectedAfter = (shown: readonly Shown[], unixSeconds: number): Shown[] =>
  shown.filter(({ second }) => {
    const later = (((second - unixSeconds) % 86_400) + 86_400) % 86_400;
    return later > 0 && later < 43_200;
  });

/** A message comes every second, and the rule is judged every second: within two the alert is there, and one may cross it. */
const WITHOUT_ALERT = 2;

it('a load that degrades is seen at once, and the alert with it; in every light and width', async () => {
  const load = startLoad(NAME);
  const { daemon, chromium } = await watched();
  await until(async () => (await chromium.evaluate<string[] | undefined>(rowOf('workloads', NAME))) !== undefined);
  expect(await chromium.evaluate(text('#alerts'))).toContain('No alert fires');
  await new Promise((resolve) => setTimeout(resolve, 6000));

  // in the page, not from here: what is counted is when it is there to be seen
  await chromium.evaluate(`
    window.shown = [];
    const look = () => {
      const [, h, m, s] = /as of (\\d+):(\\d+):(\\d+)/.exec(document.getElementById('stream').textContent) ?? [];
      const why = document.querySelector('#why').textContent;
      shown.push({
        second: 3600 * h + 60 * m + 1 * s,
        why: why.includes('source_cannot_splice') && why.includes('${NAME}'),
        alert: document.querySelector('#alerts').textContent.includes('${NAME}'),
      });
    };
    new MutationObserver(look).observe(document.getElementById('stream'), { subtree: true, childList: true, characterData: true });`);
  load.degrade();
  await until(() => load.enough() !== null);
  const enough = load.enough() ?? NaN;
  const shownAfter = async () => collectedAfter(await chromium.evaluate<Shown[]>('shown'), enough);
  await until(async () => (await shownAfter()).length > WITHOUT_ALERT + 1);
  const after = await shownAfter();
  // the time of a collection is that of its end: the first one may have begun before the calls, all others show them
  expect(after.slice(1).filter(({ why }) => !why)).toEqual([]);
  expect(after.filter(({ alert }) => !alert).length, JSON.stringify(after)).toBeLessThanOrEqual(WITHOUT_ALERT);
  expect(await chromium.evaluate('document.title')).toMatch(/^\(1\) spillway on /);
  expect(await chromium.evaluate(text('#news'))).toContain(`An alert fires: SendfileFallback, ${NAME}`);

  for (const { name, ...look } of LOOKS) {
    await chromium.look(look);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([name, await chromium.evaluate(OVERFLOW)]).toEqual([name, 0]);
    // what to do is the last column: it is there to be read, on a telephone below the others
    expect([name, await chromium.evaluate(OVERFLOW_OF_LONG_NAMES)]).toEqual([name, 0]);
    await chromium.picture(name);
  }
  expect(chromium.heard.complaints).toEqual([]);
  expect(chromium.heard.requests.filter((url) => !url.startsWith(daemon.url))).toEqual([]);
});

/** Copies files whose names are markup, calls itself markup too, and waits. */
const HOSTILE = `
import os, sys, time
directory = sys.argv[1]
open('/proc/self/comm', 'w').write('<i onclick=x()>')
name = directory + '/<img src=x onerror=alert(1)>'
with open(name, 'wb') as file: file.write(b'x' * 100)
source, sink = os.open(name, os.O_RDONLY), os.open(name + '<script>alert(2)', os.O_WRONLY | os.O_CREAT)
for _ in range(7): os.copy_file_range(source, sink, 100, 0, 0)
print('ready', flush=True)
time.sleep(1000)
`;

/** Attempts of a program, from the API. */
async function attemptsOf(daemon: Daemon, name: string): Promise<number> {
  const { processes } = (await (await fetch(`${daemon.url}/api/v1/snapshot`)).json()) as {
    processes: { comm: string; attempts: number }[];
  };
  return processes.filter(({ comm }) => comm === name).reduce((sum, { attempts }) => sum + attempts, 0);
}

const cellOf = async (chromium: Chromium, section: string, head: string, column: number): Promise<string | undefined> =>
  (await chromium.evaluate<string[] | undefined>(rowOf(section, head)))?.[column];

it('names of others run nothing, and figures are those of the API; without JavaScript too', async () => {
  const { daemon, chromium } = await watched();
  const child = spawn('python3', ['-c', HOSTILE, temporaryDirectory()], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const comm = '<i onclick=x()>';
  for (const script of [true, false]) {
    await chromium.look({ width: 1440, script });
    if (!script) await chromium.open(`${daemon.url}/`);
    await until(async () => (await cellOf(chromium, 'workloads', comm, 3)) === '7');
    expect(await attemptsOf(daemon, comm)).toBe(7);
    const why = await chromium.evaluate<string>(text('#why'));
    expect(why).toContain('<img src=x onerror=alert(1)>');
    expect(await cellOf(chromium, 'why', 'copy_file_range_in_kernel', 1)).toBe('copy_file_range');
    expect(await chromium.evaluate("document.querySelectorAll('img, i, script:not([src])').length")).toBe(0);
    // without a script it stands still, and does not say that it moves
    const stream = await chromium.evaluate<string>(text('#stream'));
    expect(stream).toMatch(script ? /^live, as of / : /^as of \d\d:\d\d:\d\d UTC$/);
    expect(await chromium.evaluate("document.getElementById('pause').hidden")).toBe(!script);
  }
  await chromium.picture('no-script-1440');
  expect(chromium.heard.complaints).toEqual([]);
  expect(chromium.heard.requests.filter((url) => !url.startsWith(daemon.url))).toEqual([]);
});

it('by keyboard alone: straight to the figures, pause and resume, scroll what is wide; focus is seen and stays', async () => {
  startLoad('busy');
  const { chromium } = await watched();
  const focus = () => chromium.evaluate<string>('document.activeElement.id || document.activeElement.className');
  await chromium.press('Tab');
  expect(await focus()).toBe('skip');
  await chromium.press('Tab');
  expect(await focus()).toBe('pause');
  expect(await chromium.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
  await chromium.press('Enter');
  await until(async () => (await chromium.evaluate<string>(text('#stream'))) === 'paused');
  const figures = await chromium.evaluate<string>(text('main'));
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(await chromium.evaluate(text('main'))).toBe(figures);
  await chromium.press('Enter');
  await until(async () => (await chromium.evaluate<string>(text('main'))) !== figures);
  await chromium.press('Tab');
  expect(await focus()).toBe('scroll');
  const scrolled = await chromium.evaluate<string>(text('main'));
  await until(async () => (await chromium.evaluate<string>(text('main'))) !== scrolled);
  expect(await focus()).toBe('scroll');
  expect(chromium.heard.complaints).toEqual([]);
});

/** What WCAG 2.2 asks for at its level AA, and what is good besides. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Everything that can have the focus, in the order of the document: what it is, and what it says it is. */
const FOCUSABLE = `
  [...document.querySelectorAll('a[href], button:not([hidden]), [tabindex="0"]')]
    .map((node) => node.outerHTML.slice(0, 90))`;

it('axe-core finds nothing, in any light or width; Tab goes through all of it in its order, and is seen everywhere', async () => {
  const load = startLoad(NAME);
  load.degrade();
  const { chromium } = await watched();
  await until(async () => (await chromium.evaluate<string>(text('#alerts'))).includes(NAME));
  for (const { name, ...look } of LOOKS) {
    await chromium.look(look);
    await chromium.evaluate(`${axe.source};0`);
    const { violations, passes } = await chromium.evaluate<{ violations: Violation[]; passes: { id: string }[] }>(
      `axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ['violations'] })`,
    );
    expect([name, violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])]).toEqual([name, []]);
    // it has looked; wide tables scroll where there is no room
    const rules = ['color-contrast', 'svg-img-alt', 'landmark-one-main', 'region'];
    if (look.width === 320) rules.push('scrollable-region-focusable');
    expect([name, passes.map(({ id }) => id)]).toEqual([name, expect.arrayContaining(rules)]);
  }
  await chromium.evaluate("document.getElementById('pause').click()");
  const order: string[] = [];
  const all = await chromium.evaluate<string[]>(FOCUSABLE);
  expect(all.length).toBeGreaterThan(10);
  for (let i = 0; i < all.length; i++) {
    await chromium.press('Tab');
    order.push(await chromium.evaluate<string>('document.activeElement.outerHTML.slice(0, 90)'));
    expect(await chromium.evaluate('getComputedStyle(document.activeElement).outlineStyle'), order.at(-1)).toBe(
      'solid',
    );
  }
  expect(order).toEqual(all);
  expect(chromium.heard.complaints).toEqual([]);
});

it('an agent that goes away is told, and the next one goes on', async () => {
  const { daemon, chromium } = await watched();
  await daemon.stop();
  await until(async () => (await chromium.evaluate<string>(text('#stream'))).startsWith('no answer'));
  await startDaemon([...config(), '--web.listen-address', new URL(daemon.url).host]);
  await until(async () => (await chromium.evaluate<string>(text('#stream'))).startsWith('live'));
});

it('is live behind TLS and a password', async () => {
  const maker = new CertificateMaker();
  onTestFinished(() => maker.close());
  const { certFile, keyFile } = maker.signed('server', maker.authority('authority'), ['IP:127.0.0.1']);
  const file = join(maker.directory, 'web.yaml');
  // it begins without, so that `startDaemon` sees when it is ready, and takes this by itself
  writeFileSync(file, '');
  const daemon = await startDaemon([...config(), '--web.config.file', file]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const users = `basic_auth_users: {operator: ${hashSync('correct horse', 4)}}`;
  writeFileSync(file, `tls_server_config: {cert_file: ${certFile}, key_file: ${keyFile}}\n${users}\n`);
  const secure = daemon.url.replace('http://', 'https://');
  const chromium = await Chromium.start();
  await chromium.look({ width: 1440 });
  await chromium.send('Security.setIgnoreCertificateErrors', { ignore: true });
  await until(async () => {
    await chromium.open(`${secure.replace('https://', 'https://operator:correct%20horse@')}/`);
    return (await chromium.evaluate<string>('document.title')).includes('spillway on ');
  });
  await until(async () => (await chromium.evaluate<string>(text('#stream'))).startsWith('live'));
});
