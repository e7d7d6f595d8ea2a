/** The agent's own resources, through the Prometheus client: few, and without labels that anyone could choose. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { PROCESS_CATALOGUE } from './catalogue.ts';

/** Where the figures come from. */
export interface ProcessFigures {
  /** User and system time of the whole process. */
  cpuSeconds(): number;
  /** null where it cannot be read, e.g. because no descriptor is left; so are the next two. */
  residentBytes(): number | null;
  openDescriptors(): number | null;
  mostDescriptors(): number | null;
  /** How often one of these could not be read. */
  readErrors(): number;
  /** Since the epoch. */
  readonly startedAtSeconds: number;
}

/** Those of this process, from Node's `process` and the wall clock now. */
export function figuresOf(
  process: Pick<NodeJS.Process, 'cpuUsage' | 'memoryUsage' | 'uptime'>,
  nowMs: number,
): ProcessFigures {
  let errors = 0;
  const tried = <T>(read: () => T): T | null => {
    try {
      return read();
    } catch {
      errors++;
      return null;
    }
  };
  return {
    cpuSeconds() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    residentBytes: () => tried(() => process.memoryUsage.rss()),
    // but for the one by which they are read
    openDescriptors: () => tried(() => readdirSync('/proc/self/fd').length - 1),
    mostDescriptors: () => tried(() => descriptorLimit(readFileSync('/proc/self/limits', 'utf8'))),
    readErrors: () => errors,
    startedAtSeconds: Math.round(nowMs / 1000 - process.uptime()),
  };
}

/** The soft limit, which is what counts. */
function descriptorLimit(limits: string): number {
  const [, limit = ''] = /^Max open files +(\w+)/m.exec(limits) ?? [];
  return limit === 'unlimited' ? Infinity : Number(limit);
}

/**
 * A registry of its own. Not the client's default metrics: those run a 10 ms timer and a garbage collection observer,
 * and five of their names fail `promtool check metrics`. The client is loaded when somebody asks: a start does without.
 */
export async function processRegistry(figures: ProcessFigures): Promise<Registry> {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const describe = (name: keyof typeof PROCESS_CATALOGUE) => ({
    name,
    help: PROCESS_CATALOGUE[name].help,
    registers: [registry],
  });
  new Counter({
    ...describe('process_cpu_seconds_total'),
    collect() {
      this.reset();
      this.inc(figures.cpuSeconds());
    },
  });
  const gauge = (name: keyof typeof PROCESS_CATALOGUE, read: () => number | null) =>
    new Gauge({
      ...describe(name),
      collect() {
        const value = read();
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  gauge('process_resident_memory_bytes', () => figures.residentBytes());
  gauge('process_open_fds', () => figures.openDescriptors());
  gauge('process_max_fds', () => figures.mostDescriptors());
  new Gauge(describe('process_start_time_seconds')).set(figures.startedAtSeconds);
  new Counter({
    ...describe('spillway_process_read_errors_total'),
    collect() {
      this.reset();
      this.inc(figures.readErrors());
    },
  });
  return registry;
}
