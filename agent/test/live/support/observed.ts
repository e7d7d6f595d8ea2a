/** Sums of an agent whose tables are too small, beside those of one that has room. */
import { expect } from 'vitest';
import { type Daemon, scrape, startDaemon, sumOf } from './run.ts';

/** Garbage is collected soon, so that what grows is no garbage; who keeps more than this comes to an end. */
export const TIDY = { NODE_OPTIONS: '--max-semi-space-size=2 --max-old-space-size=64' };

/** All that was attempted on this host, which is the same by workload. */
export async function allOf(daemon: Daemon): Promise<{ all: number; samples: Map<string, number> }> {
  const samples = await scrape(daemon);
  const all = sumOf(samples, 'attempts_total');
  expect(sumOf(samples, 'workload_attempts_total')).toBe(all);
  return { all, samples };
}

/**
 * What does not fit into tables has no name, so it is found in the sum of the host only; others may be busy there. An agent with room
 * for all knows how much is theirs: as much as it says before and after, at the least and at the most.
 */
export class Observed {
  readonly #small: Daemon;
  readonly #roomy: Daemon;
  readonly #comms: readonly string[];
  #start = { before: 0, at: 0, after: 0 };

  private constructor(small: Daemon, roomy: Daemon, comms: readonly string[]) {
    this.#small = small;
    this.#roomy = roomy;
    this.#comms = comms;
  }

  static async start(small: Daemon, comms: readonly string[]): Promise<Observed> {
    const observed = new Observed(small, await startDaemon(['--processes', '60000']), comms);
    observed.#start = await observed.#look(small);
    return observed;
  }

  async #others(): Promise<number> {
    const samples = await scrape(this.#roomy);
    return this.#comms.reduce(
      (rest, comm) => rest - sumOf(samples, 'workload_attempts_total', `comm="${comm}"`),
      sumOf(samples, 'attempts_total'),
    );
  }

  async #look(small: Daemon): Promise<{ before: number; at: number; after: number; samples: Map<string, number> }> {
    const before = await this.#others();
    const { all, samples } = await allOf(small);
    return { before, at: all, after: await this.#others(), samples };
  }

  /** The small one, or who went on with its tables, has counted all of what ours have made, and what others have. */
  async expectExactly(made: number, small = this.#small): Promise<Map<string, number>> {
    const { before, at, after, samples } = await this.#look(small);
    const others = at - this.#start.at - made;
    expect(others).toBeGreaterThanOrEqual(before - this.#start.after);
    expect(others).toBeLessThanOrEqual(after - this.#start.before);
    return samples;
  }
}

/** Counts that found no place in a table. */
export const overflowOf = (samples: Map<string, number>, table: string): number =>
  samples.get(`spillway_table_overflow_total{table="${table}"}`) ?? 0;
