/** `make demo`, without the make: what it promises comes about, the boards show it, and nothing is left of it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { boardFiles } from '../../../dashboards/boards/index.ts';
import { ROOT, run, SPILLWAY, temporaryDirectory } from './support/run.ts';

/** An address on which nobody listens. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${String(port)}`;
}

interface Demo {
  readonly child: ChildProcess;
  readonly agent: string;
  readonly prometheus: string;
  /** All its files are in here. */
  readonly directory: string;
  readonly exited: Promise<number | null>;
  stdout(): string;
  stderr(): string;
}

async function startDemo(): Promise<Demo> {
  const [agent, prometheus] = [await freeAddress(), await freeAddress()];
  // its name is in the command lines of what the demo starts
  const directory = join(temporaryDirectory(), 'demo');
  mkdirSync(directory);
  const env = { TMPDIR: directory, SPILLWAY_DEMO_AGENT: agent, SPILLWAY_DEMO_PROMETHEUS: prometheus };
  const child = spawn('node', [join(ROOT, 'demo/main.ts')], { stdio: 'pipe', env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return { child, agent, prometheus, directory, exited, stdout: () => stdout, stderr: () => stderr };
}

/** Command lines of all processes, by pid; of those that have ended, nothing. */
function commandLines(): Map<number, string> {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return new Map(
    pids.map((pid) => {
      try {
        return [Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [Number(pid), ''];
      }
    }),
  );
}

/** Waits until a condition holds; how busy the machine is decides nothing. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not so after 90 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The processes that the demo has started, without itself. The ring's has no name of a file in its command line. */
const processesOf = ({ child, directory, ...demo }: Demo): string[] => {
  const named = [...demo.stdout().matchAll(/\(pid ([0-9]+)\)/g)].map(([, pid]) => Number(pid));
  return [...commandLines()]
    .filter(([pid, line]) => pid !== child.pid && line !== '' && (line.includes(directory) || named.includes(pid)))
    .map(([, line]) => line);
};

/** Whether any process sees a mount in its directory, in whatever namespace. */
function mountsOf({ directory }: Demo): string[] {
  const all = [...commandLines().keys()].flatMap((pid) => {
    try {
      return readFileSync(`/proc/${String(pid)}/mountinfo`, 'utf8').split('\n');
    } catch {
      return [];
    }
  });
  return all.filter((line) => line.includes(directory));
}

/** The ids of all BPF programs in the kernel; other agents may run here. */
const programs = (): number[] =>
  (JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' })) as { id: number }[]).map(
    ({ id }) => id,
  );

const agentsOf = ({ directory }: Demo): number[] =>
  [...commandLines()].filter(([, line]) => line.includes(` run --config ${directory}`)).map(([pid]) => pid);

/** The ids of those that the demo's agent holds, as the kernel tells it of its file descriptors. */
function programsOf(demo: Demo): number[] {
  const texts = agentsOf(demo).flatMap((pid) => {
    const fds = `/proc/${String(pid)}/fdinfo`;
    return readdirSync(fds).map((fd) => readFileSync(join(fds, fd), 'utf8'));
  });
  return texts.flatMap((text) => {
    const id = /^prog_id:\s*([0-9]+)$/m.exec(text)?.[1];
    return id === undefined ? [] : [Number(id)];
  });
}

/** Waits until no process, no mount and none of these programs is left. */
async function expectGone(demo: Demo, held: readonly number[] = []): Promise<void> {
  await until(() => processesOf(demo).length === 0 && mountsOf(demo).length === 0);
  await until(() => !programs().some((id) => held.includes(id)));
}

/** An expression of a board as Grafana would send it: for all hosts, or for this one where a board is of one host. */
const filledIn = (expr: string, instance: string): string =>
  expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('="$instance"', `="${instance}"`)
    .replaceAll(/\$(job|instance)\b/g, '.+');

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat?: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
}

/** Of the boards, for the host that the agent at this address is on. */
const panels = (
  agent: string,
): { board: string; title: string; unit: string; queries: { expr: string; labels: string[] }[] }[] =>
  [...boardFiles()].flatMap(([board, text]) =>
    (JSON.parse(text) as { panels: Panel[] }).panels
      .filter(({ targets = [] }) => targets.length > 0)
      .map(({ title, fieldConfig, targets = [] }) => ({
        board,
        title,
        unit: fieldConfig?.defaults.unit ?? '',
        queries: targets.map(({ expr, legendFormat = '' }) => ({
          expr: filledIn(expr, agent),
          labels: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        })),
      })),
  );

/** Panels that are empty where all is well, or unless the kernel is told to count. */
const EMPTY_PANELS = [
  'Programs that are not attached',
  'Time in probes (only with kernel.bpf_stats_enabled=1)',
  'Runs of probes (only with kernel.bpf_stats_enabled=1)',
];
/** What the demo does not do, and the table of what is wrong with rings has beside what it does. */
const NOT_IN_THE_DEMO = ['spillway_io_uring_setup_errors_total', 'spillway_io_uring_async_work_total'];

interface Found {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an instant query finds. */
async function query(prometheus: string, expr: string): Promise<Found[]> {
  const response = await fetch(`http://${prometheus}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const text = await response.text();
  expect(response.status, `${expr}: ${text}`).toBe(200);
  const { data } = JSON.parse(text) as { data: { result: { metric: Found['labels']; value: [number, string] }[] } };
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

it(
  'the agent and Prometheus fire, the commands tell why, every panel of the boards has data; Ctrl-C leaves nothing',
  { timeout: 300_000 },
  async () => {
    const demo = await startDemo();
    const { agent, prometheus } = demo;
    const says = async (pattern: RegExp) => {
      await until(() => pattern.test(demo.stdout()) || demo.child.exitCode !== null);
      expect(demo.stdout(), demo.stderr()).toMatch(pattern);
    };
    await says(/demo-server \(pid/);
    await says(/have moved to hugetlbfs/);
    await says(/Prometheus: SendfileFallback \(demo-server\) fires/);
    await says(/Prometheus: IoUringSubmitEagain \(host\) fires/);
    await says(
      /the agent tells PagerDuty: trigger: .* sendfile attempts fell back .* in demo-server on .*: mostly source_cannot_splice/,
    );
    await says(/the agent tells PagerDuty: trigger: io_uring_enter returned EAGAIN .* in demo-ring/);

    // the pages that it names are there
    const pages = [...demo.stdout().matchAll(/^ {2}[345] .* (http:\S+)$/gm)].map(([, page = '']) => page);
    expect(pages).toHaveLength(3);
    for (const page of pages) expect([page, (await fetch(page)).status]).toEqual([page, 200]);

    // the processes that it names are those that degrade
    const pid = /demo-server \(pid ([0-9]+)\)/.exec(demo.stdout())?.[1] ?? '';
    const inspected = await run([SPILLWAY, 'inspect', pid, '--address', agent]);
    expect(inspected.stdout).toMatch(/sendfile was refused .* source_cannot_splice/);
    expect(inspected.stdout).toMatch(/sendfile fell back and has not worked since/);
    const fallen = await run([SPILLWAY, 'procs', '--fallen', '--address', agent]);
    expect(fallen.stdout).toMatch(new RegExp(`^${pid} +demo-server .* fell back: sendfile$`, 'm'));
    const alerts = await run([SPILLWAY, 'alerts', 'list', '--firing', '--address', agent]);
    expect(alerts.stdout).toMatch(/^firing +SendfileFallback +demo-server/m);
    expect(alerts.stdout).toMatch(/^firing +IoUringSubmitEagain +demo-ring/m);

    for (const { board, title, unit, queries } of panels(agent)) {
      for (const { expr, labels } of queries) {
        const values = await query(prometheus, expr);
        for (const { value, labels: known } of values) {
          expect(value, `${board}: ${title}: ${expr}`).not.toBeNaN();
          // a share of a whole, or of one processor
          if (unit === 'percentunit') expect(value, `${board}: ${title}`).toBeLessThanOrEqual(cpus().length);
          // the demo's programs have no unit, and an empty label is none
          const named = labels.filter((label) => label !== 'unit');
          expect(Object.keys(known), `${board}: ${title}`).toEqual(expect.arrayContaining(named));
        }
        if (EMPTY_PANELS.includes(title) || NOT_IN_THE_DEMO.some((name) => expr.includes(name))) continue;
        expect(values.length, `${board}: ${title}: ${expr}`).toBeGreaterThan(0);
      }
    }
    expect(panels(agent).filter(({ title }) => EMPTY_PANELS.includes(title))).toHaveLength(EMPTY_PANELS.length);

    expect(mountsOf(demo)).not.toEqual([]);
    expect(processesOf(demo)).toHaveLength(6);
    const held = programsOf(demo);
    expect(held.length).toBeGreaterThan(5);
    demo.child.kill('SIGINT');
    expect(await demo.exited, demo.stderr()).toBe(0);
    expect(demo.stderr()).toBe('');
    expect(readdirSync(demo.directory)).toEqual([]);
    await expectGone(demo, held);
  },
);

it('Ctrl-C while it starts leaves nothing either', async () => {
  for (const what of ['agent.log', 'prometheus.log']) {
    const demo = await startDemo();
    await until(() => readdirSync(demo.directory, { recursive: true }).some((file) => String(file).endsWith(what)));
    // its log is there a moment before it is
    await until(() => processesOf(demo).length > 0);
    demo.child.kill('SIGINT');
    expect(await demo.exited, demo.stderr()).toBe(0);
    expect(readdirSync(demo.directory)).toEqual([]);
    await expectGone(demo);
  }
});

it('when it is killed, what it has started and mounted ends with it', async () => {
  const demo = await startDemo();
  await until(() => demo.stdout().includes('have moved to hugetlbfs'));
  // it was told to move them, and does it as soon as it comes to that
  await until(() => mountsOf(demo).length > 0);
  const held = programsOf(demo);
  expect(programs()).toEqual(expect.arrayContaining(held));
  expect(held.length).toBeGreaterThan(5);
  demo.child.kill('SIGKILL');
  await demo.exited;
  await expectGone(demo, held);
});

it('when the agent ends, the demo says why and ends too', async () => {
  const demo = await startDemo();
  await until(() => demo.stdout().includes('demo-server (pid'));
  for (const pid of agentsOf(demo)) process.kill(pid, 'SIGTERM');
  expect(await demo.exited).toBe(1);
  expect(demo.stderr()).toMatch(/^spillway demo: agent ended: spillway: watching /);
  expect(readdirSync(demo.directory)).toEqual([]);
  await expectGone(demo);
});

it('an address that is taken is told, before anything is started', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const taken = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const { code, stdout, stderr } = await run(['node', join(ROOT, 'demo/main.ts')], {
    env: { SPILLWAY_DEMO_AGENT: await freeAddress(), SPILLWAY_DEMO_PROMETHEUS: taken },
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`${taken} is taken: name another, e.g. SPILLWAY_DEMO_PROMETHEUS=`);
});
