/** Sums of reports: what several witnesses tell together. */
import { type MechanismReport, type Report, ringCounts } from './run.ts';

/** Numbers by name, and so on in depth. */
interface Numbers {
  [name: string]: number | Numbers;
}

/** Adds numbers of the same name; what one of the two lacks is taken from the other. */
function addNumbers(a: Numbers, b: Numbers): Numbers {
  const sum = { ...a };
  for (const [name, more] of Object.entries(b)) {
    const is = sum[name];
    if (typeof more === 'number') sum[name] = (typeof is === 'number' ? is : 0) + more;
    else sum[name] = addNumbers(typeof is === 'object' ? is : {}, more);
  }
  return sum;
}

/** Parts of reports hold nothing but numbers by name. */
const add = <T>(a: T, b: T): T => addNumbers(a as Numbers, b as Numbers) as T;

/** By mechanism. How refusals ended is left out where one of the reports does not tell. */
export function mechanismTotals(reports: readonly Pick<Report, 'mechanisms'>[]): Record<string, MechanismReport> {
  const totals = reports.map(({ mechanisms }) => mechanisms).reduce((a, b) => add(a, b), {});
  for (const { mechanisms } of reports) {
    for (const [name, { resolutions }] of Object.entries(mechanisms)) {
      if (resolutions === undefined) delete totals[name]?.resolutions;
    }
  }
  return totals;
}

/** The ring counters that a witness can know. */
export const ringTotals = (reports: readonly Report[]): ReturnType<typeof ringCounts> =>
  reports.map(ringCounts).reduce((a, b) => add(a, b));

/** Flows of the same ends as one. */
export function flowTotals(reports: readonly Report[]): Report['flows'] {
  const totals = new Map<string, Report['flows'][number]>();
  for (const flow of reports.flatMap(({ flows }) => flows)) {
    const name = [flow.src, flow.dst, flow.proto].join(' ');
    const { attempts, bytes } = totals.get(name) ?? { attempts: 0, bytes: 0 };
    totals.set(name, { ...flow, attempts: attempts + flow.attempts, bytes: bytes + flow.bytes });
  }
  return [...totals.values()];
}
