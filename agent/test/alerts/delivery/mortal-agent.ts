/**
 * The alerting of an agent, as `run` starts it, that lives through one script and can be made to kill itself on the way: at the
 * n-th point, which is before or after an operation on its state directory, halfway through a write, or around a request.
 */
import { constants, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import * as diskModule from 'node:fs/promises';
import * as httpModule from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import type { AlertsView } from '../../../src/alerts/view.ts';
import type { Config } from '../../../src/config/config.ts';
import { snapshotOf } from '../../support/snapshots.ts';

/** What its programs do: fall back, go on with it and stop; or not at all; or again and without an end. */
export type Script = 'incident' | 'quiet' | 'lasting';

export interface Order {
  readonly config: Config;
  readonly script: Script;
  /** Number of the point to die at, from 0; null: it lives. */
  readonly dieAt: number | null;
  /** The state directory takes nothing more from this tick on (0: from the start): it is full, or read-only. */
  readonly fails: { readonly code: 'ENOSPC' | 'EROFS'; readonly from: number } | null;
}

/** Its last words, as JSON: all points that it came by, or the one that it died at. */
export interface Words {
  readonly points: readonly string[];
  /** How far the script was: which of its ticks it was about to take in, or had. */
  readonly ticks: number;
  /** As the metrics have it. Only of a life that was not cut short. */
  readonly alerts?: AlertsView;
}

type Operation = (this: unknown, ...args: unknown[]) => unknown;
type Patchable = Record<string, Operation>;

const { config, script, dieAt, fails } = JSON.parse(process.argv[2] ?? '') as Order;
const points: string[] = [];
let ticks = 0;

const speak = (said: Words) => void writeSync(1, JSON.stringify(said));

function point(name: string): void {
  points.push(name);
  if (points.length - 1 !== dieAt) return;
  speak({ points: [name], ticks });
  process.kill(process.pid, 'SIGKILL');
}

/** What needs room fails on a full disk; on a read-only one everything that would change something. */
const NEEDS = {
  ENOSPC: ['mkdir', 'write'],
  EROFS: ['mkdir', 'chmod', 'open for writing', 'write', 'rename', 'unlink', 'rm'],
};

function failIfTold(operation: string): void {
  if (fails === null || ticks < fails.from || !NEEDS[fails.code].includes(operation)) return;
  throw Object.assign(new Error(`${fails.code}: ${operation}`), { code: fails.code });
}

/** Puts a point before and after an operation on what `isOurs`. */
function watch(target: Patchable, name: string, isOurs: (path: unknown) => string | null): void {
  const real = target[name];
  if (real === undefined) throw new Error(`no ${name}`);
  target[name] = async function (...args) {
    const path = isOurs(args[0]);
    if (path === null) return real.apply(this, args);
    point(`before ${name} ${path}`);
    failIfTold(name === 'open' && writes(args[1]) ? 'open for writing' : name);
    const result = await real.apply(this, args);
    point(`after ${name} ${path}`);
    return name === 'open' ? watchFile(result as FileHandle, path) : result;
  };
}

const writes = (flags: unknown): boolean =>
  typeof flags === 'number' ? (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0 : flags === 'w';

function watchFile(file: FileHandle, path: string): FileHandle {
  const target = file as unknown as Patchable;
  const writeFile = file.writeFile.bind(file);
  target.writeFile = async (text) => {
    const [bytes, half] = [Buffer.from(text as string), (text as string).length >> 1];
    point(`before write ${path}`);
    await writeFile(bytes.subarray(0, half));
    failIfTold('write');
    point(`halfway through write ${path}`);
    await writeFile(bytes.subarray(half));
    point(`after write ${path}`);
  };
  for (const name of ['sync', 'close']) watch(target, name, () => path);
  return file;
}

const { stateDirectory } = config.alerts;
const inState = (path: unknown) =>
  typeof path === 'string' && path.startsWith(stateDirectory) ? `.${path.slice(stateDirectory.length)}` : null;
const disk = (diskModule as unknown as { default: Patchable }).default;
for (const name of ['mkdir', 'chmod', 'readdir', 'lstat', 'readFile', 'open', 'rename', 'unlink', 'rm']) {
  watch(disk, name, inState);
}
const http = (httpModule as unknown as { default: Patchable }).default;
const { request } = httpModule;
http.request = (...args) => {
  point('before request');
  const sent = request(...(args as Parameters<typeof request>));
  sent.once('response', () => point('at the answer'));
  return sent;
};
syncBuiltinESMExports();

// only now: modules keep what they import
const { startAlerting } = await import('../../../src/cli/alerting.ts');

let boottime = 1000;
const alerting = await startAlerting(config, { version: '0', revision: '0', kernel: '0' }, () => boottime);

/** So many seconds later, with so many attempts and fallbacks since the start; waits until all of it is told. */
async function tick(seconds: number, attempts: number, fallbacks: number): Promise<void> {
  boottime += seconds;
  ticks++;
  const counts = { zerocopy: attempts - fallbacks, refused: fallbacks, confirmed: fallbacks };
  alerting.tick(snapshotOf({ boottime, processes: [{ pid: 7, comm: 'nginx', counters: { sendfile: counts } }] }));
  await alerting.settled();
  while (Object.values(alerting.view().receivers).some(({ queued }) => queued > 0)) await setTimeout(1);
}

await tick(1, 0, 0);
if (script !== 'quiet') await tick(1, 1000, 100);
// goes on until it is told again
if (script === 'incident') await tick(61, 2000, 200);
if (script === 'incident') await tick(30, 2000, 200);
if (script === 'quiet') await tick(30, 0, 0);
const alerts = alerting.view();
await alerting.close();
speak({ points, ticks, alerts });
