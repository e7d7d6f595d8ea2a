/** What support/guest.sh found in a machine. */
import type { Report } from '../../live/support/run.ts';
import { boot, type Machine, type Outcome, ROOT } from './vm.ts';

export interface Group {
  readonly code: number;
  readonly report: Report;
  /** What each program said of itself. */
  readonly witnesses: readonly Report[];
}

export interface Guest {
  readonly release: string;
  readonly commandLine: string;
  /** E.g. `voluntary`; null where it cannot be chosen at boot. */
  readonly preemption: string | null;
  readonly doctor: { findings: { name: string; state: string; detail: string; remedy: string }[] } | null;
  readonly groups: Readonly<Record<string, Group>>;
}

/** Boots a machine and runs these groups of guest.sh in it; `variables` are for the shell. */
export async function ask(
  machine: Machine,
  groups: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ guest: Guest; outcome: Outcome }> {
  const set = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  const command = ['env', ...set, 'bash', 'agent/test/kernels/support/guest.sh', ...groups].join(' ');
  const outcome = await boot({ ...machine, checkout: true }).run(command);
  const text = outcome.file('result.json');
  if (text === null) {
    throw new Error(`${ROOT}scripts/vm --kernel ${machine.kernel}: ${outcome.output}${outcome.stderr}`);
  }
  return { guest: JSON.parse(text) as Guest, outcome };
}

/** The group of that name, which was run. */
export function groupOf(guest: Guest, name: string): Group {
  const group = guest.groups[name];
  if (group === undefined) throw new Error(`the machine did not run ${name}`);
  return group;
}
