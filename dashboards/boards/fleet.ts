/** All hosts: is anything wrong, where, and since when? */
import { FLEET, HOST_LINKS, OUTCOMES_PAGE } from './links.ts';
import { type Board, graph, stat, table } from './panel.ts';
import { CHOSEN, rate, series, share, sum, top } from './query.ts';
import { bytes, copiedBytes, copies, eagain, FALLBACK_THRESHOLDS, outcomes, refusals, summary } from './shared.ts';

const fallbackShare = (...labels: string[]) =>
  share(sum(rate('fallbacks_total'), ...labels), sum(rate('attempts_total'), ...labels));

export const fleet: Board = {
  uid: FLEET,
  title: 'spillway: fleet',
  description: 'Zero-copy on all hosts: which of them copy after all, which programs do, and why.',
  hosts: 'several',
  links: [OUTCOMES_PAGE],
  sections: [
    { title: 'Now', panels: summary },
    {
      title: 'Over time',
      panels: [
        outcomes,
        graph({
          title: 'Fell back, by mechanism',
          description:
            'Share of the attempts of each mechanism after which the program copied. Lines end where nothing is attempted.',
          unit: 'percentunit',
          thresholds: FALLBACK_THRESHOLDS,
          queries: { expr: fallbackShare('mechanism'), legend: '{{mechanism}}' },
        }),
        bytes,
        graph({
          title: 'Fell back, by host',
          description: 'The ten hosts with the highest share; none where nothing falls back.',
          unit: 'percentunit',
          thresholds: FALLBACK_THRESHOLDS,
          queries: { expr: top(10, fallbackShare('instance')), legend: '{{instance}}' },
        }),
        refusals,
        copies,
      ],
    },
    {
      title: 'Where',
      panels: [
        table({
          title: 'Hosts',
          description:
            'All of them; a click on a name leads to its board or its status page. Columns are empty where nothing happened.',
          unit: 'ops',
          queries: [
            { expr: sum(rate('attempts_total'), 'instance'), legend: 'attempts' },
            { expr: fallbackShare('instance'), legend: 'fell back' },
            {
              expr: share(sum(copiedBytes, 'instance'), sum(rate('attempt_bytes_total'), 'instance')),
              legend: 'bytes copied',
            },
            { expr: sum(eagain, 'instance'), legend: 'EAGAIN' },
            { expr: sum(series('alert_active'), 'instance'), legend: 'alerts' },
          ],
          overrides: [
            { of: 'instance', links: HOST_LINKS },
            { of: 'fell back', unit: 'percentunit', thresholds: FALLBACK_THRESHOLDS },
            { of: 'bytes copied', unit: 'percentunit', thresholds: [0.25, 0.5] },
            { of: 'EAGAIN', thresholds: [100, 200] },
            { of: 'alerts', unit: 'short', thresholds: [null, 1] },
          ],
        }),
        table({
          title: 'Programs that fall back most',
          description:
            'The twenty with most fallbacks: program (comm), systemd unit or container, host. On the host, `spillway inspect PID` says which file or flag forbids it.',
          unit: 'ops',
          queries: {
            expr: top(20, sum(rate('workload_fallbacks_total'), 'instance', 'unit', 'comm', 'mechanism')),
            legend: 'fallbacks',
          },
          overrides: [{ of: 'instance', links: HOST_LINKS }],
        }),
      ],
    },
    {
      title: 'The agents',
      panels: [
        stat({
          title: 'Agents',
          description: 'That Prometheus has scraped.',
          unit: 'short',
          queries: { expr: `count(${series('build_info')})`, legend: 'agents' },
        }),
        stat({
          title: 'Cannot be scraped',
          description: 'Targets that are down: the agent does not run, or it cannot read its tables and answers 500.',
          unit: 'short',
          thresholds: [null, 1],
          queries: { expr: `count(up{${CHOSEN}} == 0) or on () 0 * count(up{${CHOSEN}})`, legend: 'down' },
        }),
        stat({
          title: 'Programs not attached',
          description:
            'Probes that could not be attached: what they would count is not seen. "Alerts and own health" says which.',
          unit: 'short',
          thresholds: [1, null],
          queries: { expr: `sum(1 - ${series('program_attached')})`, legend: 'not attached' },
        }),
        table({
          title: 'Versions',
          description: 'How many agents run which version on which kernel.',
          unit: 'short',
          width: 12,
          height: 4,
          queries: { expr: `count by (version, revision, kernel) (${series('build_info')})`, legend: 'agents' },
        }),
      ],
    },
  ],
};
