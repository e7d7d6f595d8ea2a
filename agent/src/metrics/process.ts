/** The agent's own resources, through the Prometheus client: few, and without labels that anyone could choose. */
import { Counter, Gauge, Registry } from 'prom-client';
import { PROCESS_CATALOGUE } from './catalogue.ts';

/** Where the figures come from. */
export interface ProcessFigures {
  /** User and system time of the whole process. */
  cpuSeconds(): number;
  residentBytes(): number;
  /** Since the epoch. */
  readonly startedAtSeconds: number;
}

/** Those of this process, from Node's `process` and the wall clock now. */
export function figuresOf(
  process: Pick<NodeJS.Process, 'cpuUsage' | 'memoryUsage' | 'uptime'>,
  nowMs: number,
): ProcessFigures {
  return {
    cpuSeconds() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    residentBytes: () => process.memoryUsage.rss(),
    startedAtSeconds: Math.round(nowMs / 1000 - process.uptime()),
  };
}

/**
 * A registry of its own. Not the client's default metrics: those run a 10 ms timer and a garbage collection observer,
 * and five of their names fail `promtool check metrics`.
 */
export function processRegistry(figures: ProcessFigures): Registry {
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
  new Gauge({
    ...describe('process_resident_memory_bytes'),
    collect() {
      this.set(figures.residentBytes());
    },
  });
  new Gauge(describe('process_start_time_seconds')).set(figures.startedAtSeconds);
  return registry;
}
