/** Plays systemd: a datagram socket that the agent talks to, and the agent started as a unit would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { until } from './kernel.ts';
import { ROOT, SPILLWAY, temporaryDirectory } from './run.ts';

/** Node has no unix datagram sockets. */
const LISTENER = `
import json, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(flush=True)
while True:
  message = s.recv(65536).decode()
  print(json.dumps({'atUs': time.monotonic_ns() / 1000, 'lines': message.rstrip('\\n').split('\\n')}), flush=True)
`;

export interface Message {
  /** CLOCK_MONOTONIC, in microseconds. */
  readonly atUs: number;
  readonly lines: readonly string[];
}

export interface Service {
  readonly url: string;
  readonly child: ChildProcess;
  readonly config: string;
  messages(): readonly Message[];
  /** All lines of all messages, without those that tell a status. */
  states(): string[];
  /** The text of the latest status. */
  status(): string;
  pings(): number;
  stderr(): string;
  /** Its exit status, when it ends. */
  readonly exited: Promise<number | null>;
}

export interface ServiceOptions {
  /** What the agent is run by: the words before it. */
  readonly before?: readonly string[];
  /** Where the agent is. */
  readonly spillway?: string;
  readonly watchdogS?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Further lines of the configuration. */
  readonly settings?: string;
}

let port = 21_400;

/** Starts `spillway run` with everything that systemd would give it. It ends with the test. */
export async function startService({
  before = [],
  spillway = SPILLWAY,
  watchdogS,
  env = {},
  settings = '',
}: ServiceOptions = {}): Promise<Service> {
  const directory = temporaryDirectory();
  // for agents that are not root
  chmodSync(directory, 0o755);
  const state = join(directory, 'state');
  mkdirSync(state);
  chmodSync(state, 0o777);
  const config = join(directory, 'config.yaml');
  writeFileSync(config, `alerts: {state_directory: ${state}}\n${settings}`);
  const socket = join(directory, 'notify');
  const listener = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void listener.kill('SIGKILL'));
  let heard = '';
  listener.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
  await until(() => heard !== '');
  chmodSync(socket, 0o777);

  const address = `127.0.0.1:${String(port++)}`;
  const flags = ['run', '--config', config, '--web.listen-address', address];
  const [command, ...args] = [...before, spillway, ...flags] as [string, ...string[]];
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      NOTIFY_SOCKET: socket,
      ...(watchdogS === undefined ? {} : { WATCHDOG_USEC: String(watchdogS * 1e6) }),
      ...env,
    },
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const messages = () =>
    heard
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as Message);
  const lines = () => messages().flatMap((message) => message.lines);
  return {
    url: `http://${address}`,
    child,
    config,
    messages,
    states: () => lines().filter((line) => !line.startsWith('STATUS=')),
    status: () =>
      lines()
        .findLast((line) => line.startsWith('STATUS='))
        ?.slice('STATUS='.length) ?? '',
    pings: () => lines().filter((line) => line === 'WATCHDOG=1').length,
    stderr: () => stderr,
    exited,
  };
}

/** The same, once it says that it is ready. */
export async function startedService(options: ServiceOptions = {}): Promise<Service> {
  const service = await startService(options);
  await until(() => service.child.exitCode !== null || service.states().includes('READY=1'));
  if (service.child.exitCode !== null) throw new Error(`the agent has ended: ${service.stderr()}`);
  return service;
}

/** As nobody, with these capabilities and no others, ever; the checkout may lie where nobody else can look. */
export function asNobody(capabilities: readonly string[]): string[] {
  const sets = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--no-new-privs'];
  const ambient = capabilities.length === 0 ? [] : ['--ambient-caps', sets.slice('-all,'.length)];
  return [...user, '--inh-caps', sets, ...ambient, '--bounding-set', sets];
}

/** Runs what follows, `spillway` and its arguments, in a mount namespace in which the checkout is at a place that all can reach. */
export function reachable(change = 'true'): string[] {
  const script = 'mount --bind "$0" /mnt && eval "$1" && shift && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, ROOT, change];
}

/** The agent below `reachable`. */
export const REACHABLE_SPILLWAY = '/mnt/bin/spillway';

/** Effective and permitted capabilities of each thread of a process, as bits: what all have, or several texts. */
export function capabilitiesOf(pid: number): string[] {
  const found = new Set<string>();
  for (const task of readdirSync(`/proc/${String(pid)}/task`)) {
    const status = readFileSync(`/proc/${String(pid)}/task/${task}/status`, 'utf8');
    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
      const value = new RegExp(`^${name}:\t0*([0-9a-f]*)$`, 'm').exec(status)?.[1] ?? '?';
      found.add(`${name} ${value}`);
    }
  }
  return [...found].sort();
}

/** Links to probes (perf events and tracing) that a process holds. */
export function attachedBy(pid: number): number {
  const directory = `/proc/${String(pid)}/fdinfo`;
  return readdirSync(directory).filter((fd) => readFileSync(join(directory, fd), 'utf8').includes('link_type:')).length;
}
