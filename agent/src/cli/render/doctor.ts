/** The report of `spillway doctor`. Pure. */
import type { Finding } from '../../doctor/findings.ts';
import { printable, widthOf } from '../../model/text.ts';
import { count, wrap } from './text.ts';

const STATE_WIDTH = 'degraded'.length + 2;

/** A paragraph for each finding, with what to do below those that are not ok, and what it comes to. */
export function renderFindings(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ name }) => widthOf(name))) + 2;
  const indent = STATE_WIDTH + width;
  const lines = findings.flatMap(({ name, state, detail, remedy }) => [
    ...wrap(state.padEnd(STATE_WIDTH) + name.padEnd(width), printable(detail)),
    ...(remedy === '' ? [] : wrap(`${' '.repeat(indent)}-> `, remedy)),
  ]);
  return [...lines, '', conclusion(findings)];
}

function conclusion(findings: readonly Finding[]): string {
  const number = (wanted: Finding['state']) => findings.filter(({ state }) => state === wanted).length;
  const missing = number('missing');
  const degraded = number('degraded');
  if (missing > 0) return `${count(missing, 'requirement')} missing: nothing can be counted until that is mended`;
  if (degraded > 0)
    return `this host can be observed, but for what ${count(degraded, 'line')} above tell${degraded === 1 ? 's' : ''}`;
  return 'this host can be observed in full';
}
