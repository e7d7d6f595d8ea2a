/** The memory of the cgroups that processes are in: limits, use, events, pressure. */
import type { Json } from './incident.ts';
import {
  type CgroupMount,
  cgroupDirectory,
  cgroupMountsOf,
  item,
  type MemoryCgroup,
  numberOr,
  pairsOf,
  partsOf,
  pressureOf,
  type ProcReader,
  reasonOf,
} from './proc.ts';
import { clean } from './process-facts.ts';

const CGROUP_LEVELS = 8;

interface Level {
  readonly content: Promise<{ readonly [name: string]: Json }>;
  /** A process is in it; else it is above one, and of interest if it has a limit. */
  own: boolean;
}

const LIMIT_FILE = { v1: 'memory.limit_in_bytes', v2: 'memory.max' };

/** The cgroups to whose memory the processes are charged, and those above with a limit of their own: each is read once. */
export class Cgroups {
  readonly #reader: ProcReader;
  readonly #levels = new Map<string, Level>();
  #mounts: Promise<readonly CgroupMount[]> | null = null;

  constructor(reader: ProcReader) {
    this.#reader = reader;
  }

  /** Begins to read them. */
  add({ version, path }: MemoryCgroup): void {
    const names = partsOf(path);
    for (let up = 0; up <= Math.min(names.length, CGROUP_LEVELS - 1); up++) {
      const cgroup = { version, path: `/${names.slice(0, names.length - up).join('/')}` };
      const key = cgroupName(cgroup);
      const level = this.#levels.get(key) ?? { content: this.#readLevel(cgroup), own: false };
      level.own ||= up === 0;
      this.#levels.set(key, level);
    }
  }

  async read(): Promise<Json[]> {
    const levels = await Promise.all(
      [...this.#levels.values()].map(async ({ content, own }) => ({ own, content: await content })),
    );
    const limited = ({ [LIMIT_FILE.v1]: v1, [LIMIT_FILE.v2]: v2 }: { readonly [name: string]: Json }) =>
      typeof v1 === 'number' || typeof v2 === 'number';
    return levels.filter(({ own, content }) => own || limited(content)).map(({ content }) => content);
  }

  async #readLevel(cgroup: MemoryCgroup): Promise<{ readonly [name: string]: Json }> {
    const name = cgroupName(cgroup);
    try {
      this.#mounts ??= this.#reader.text('/proc/self/mountinfo', 'latin1').then(cgroupMountsOf);
      const directory = cgroupDirectory(cgroup, await this.#mounts);
      if (directory === null) return { cgroup: name, unavailable: 'no mount that the agent sees shows it' };
      const read = async <T extends Json>(file: string, parse: (text: string) => T) => [
        file,
        await item(async () => parse(await this.#reader.text(Buffer.from(`${directory}/${file}`, 'latin1'))), {
          ENOENT: 'the memory controller does not count here (as in the root), or the cgroup is gone',
          EOPNOTSUPP: 'switched off: boot with psi=1',
        }),
      ];
      const files = [
        read(LIMIT_FILE[cgroup.version], numberOr),
        ...(cgroup.version === 'v1'
          ? [read('memory.usage_in_bytes', numberOr), read('memory.failcnt', numberOr)]
          : [read('memory.current', numberOr), read('memory.events', pairsOf), read('memory.pressure', pressureOf)]),
      ];
      return { cgroup: name, ...(Object.fromEntries(await Promise.all(files)) as { [file: string]: Json }) };
    } catch (error) {
      return { cgroup: name, unavailable: reasonOf(error) };
    }
  }
}

/** `v2 /system.slice/nginx.service` */
export const cgroupName = ({ version, path }: MemoryCgroup): string =>
  clean(`${version} ${Buffer.from(path, 'latin1').toString()}`);
