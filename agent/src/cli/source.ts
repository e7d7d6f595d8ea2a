/** Where snapshots come from: a daemon, or probes of our own where there is none. */
import { setTimeout as sleep } from 'node:timers/promises';
import { addressText } from '../config/address.ts';
import { DEFAULT_OPTIONS } from '../kernel/options.ts';
import { SpillwayError } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { snapshotJson, type SnapshotJson } from '../web/snapshot-json.ts';
import { log, startKernel } from './context.ts';
import type { AlertsJson } from '../web/alerts-json.ts';
import { countSeconds } from './progress.ts';
import { alertsIfJudged, type DaemonFlags, snapshotOfDaemon } from './daemon.ts';

export interface SnapshotSource {
  readonly kind: 'daemon' | 'probes';
  /** For people: who counts. */
  readonly name: string;
  /** @throws SpillwayError NO_DAEMON */
  sample(): Promise<SnapshotJson>;
  /** Null where nobody judges rules: by probes alone, or with alerts switched off. @throws SpillwayError NO_DAEMON */
  alerts(): Promise<AlertsJson | null>;
  close(): void;
}

export interface SourceFlags extends DaemonFlags {
  /** False: none is asked. */
  readonly daemon: boolean;
}

/**
 * The daemon if one answers. Where none listens at the address that nobody has chosen, probes of our own, whose counts begin
 * now.
 * @throws SpillwayError
 */
export async function openSource(flags: SourceFlags, addressChosen: boolean): Promise<SnapshotSource> {
  if (!flags.daemon) return ownProbes();
  try {
    await snapshotOfDaemon(flags);
  } catch (error) {
    // one that listens but lets nobody in is there all the same
    if (addressChosen || !isRefused(error)) throw error;
    log('info', `no agent answers at ${addressText(flags.address)}: counting with probes of our own`);
    return ownProbes();
  }
  const { tls, ...address } = flags.address;
  return {
    kind: 'daemon',
    name: `daemon at ${tls ? 'https://' : ''}${addressText(address)}`,
    sample: () => snapshotOfDaemon(flags),
    alerts: () => alertsIfJudged(flags),
    close: () => undefined,
  };
}

const isRefused = (error: unknown): boolean =>
  error instanceof SpillwayError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';

function ownProbes(): SnapshotSource {
  const kernel = startKernel(DEFAULT_OPTIONS);
  return {
    kind: 'probes',
    name: 'own probes, no daemon',
    sample: () => Promise.resolve(snapshotJson(kernel.snapshot())),
    alerts: () => Promise.resolve(null),
    close: () => kernel.close(),
  };
}

/** Everything that the daemon has counted or, given a time, what probes of our own count in it. @throws SpillwayError */
export async function collect(flags: DaemonFlags & { readonly duration?: number }): Promise<SnapshotJson> {
  if (flags.duration === undefined) return snapshotOfDaemon(flags);
  return snapshotJson(await counted(flags.duration));
}

/** What probes of our own count in so many milliseconds, of which people are told how many are over. @throws SpillwayError */
export async function counted(milliseconds: number): Promise<Snapshot> {
  const kernel = startKernel(DEFAULT_OPTIONS);
  const uncount = countSeconds(milliseconds);
  try {
    await sleep(milliseconds);
    return kernel.snapshot();
  } finally {
    uncount();
    kernel.close();
  }
}
