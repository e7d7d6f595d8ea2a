/** Alerts, and whether the agents see everything. */
import { HEALTH, HOST_LINKS, OPERATIONS_PAGE, RUNBOOKS } from './links.ts';
import { type Board, graph, stat, table, text } from './panel.ts';
import { CHOSEN, processSeries, rate, series, share, sum } from './query.ts';

const RULES = [...RUNBOOKS].map(([of, link]) => ({ of, links: [link] }));

export const health: Board = {
  uid: HEALTH,
  title: 'spillway: alerts and own health',
  description: 'What fires, whether those who are to be told hear of it, and whether the agents see everything.',
  hosts: 'several',
  links: [OPERATIONS_PAGE],
  sections: [
    {
      title: 'Alerts',
      panels: [
        graph({
          title: "The agents' alerts",
          description:
            'How many fire, for hosts and for workloads. A click on a line leads to the runbook of its rule.',
          unit: 'none',
          queries: { expr: sum(series('alert_active'), 'rule'), legend: '{{rule}}' },
          overrides: RULES,
        }),
        graph({
          title: 'Fired, repeated, resolved',
          description:
            'What alerts did. Many of both: a value goes to and fro around its limit; set `for` or `clear` of the rule.',
          unit: 'none',
          queries: {
            expr: sum(`increase(${series('alert_transitions_total')}[$__rate_interval])`, 'transition'),
            legend: '{{transition}}',
          },
        }),
        table({
          title: "What Prometheus' rules fire",
          description:
            'Needs the rules of `spillway dashboards export --rules`; empty where nothing fires. The runbook of a rule: the text below.',
          unit: 'short',
          queries: {
            expr: `count by (alertname, severity, scope, instance, unit, comm, mechanism) (ALERTS{${CHOSEN}, alertstate="firing", alertname=~"${[...RUNBOOKS.keys()].join('|')}"})`,
            legend: 'alerts',
          },
          overrides: [{ of: 'instance', links: HOST_LINKS }],
        }),
        text(
          'Runbooks',
          'What each rule means, and what to do.',
          [...RUNBOOKS].map(([rule, { url }]) => `[${rule}](${url})`).join(' · '),
        ),
      ],
    },
    {
      title: 'Who is told',
      panels: [
        graph({
          title: 'Notifications by result',
          description:
            'sent, rejected, expired, dropped, cancelled and collapsed are final; any other result is an attempt that failed and is made again.',
          unit: 'none',
          queries: {
            expr: sum(`increase(${series('notifications_total')}[$__rate_interval])`, 'receiver', 'result'),
            legend: '{{receiver}} {{result}}',
          },
        }),
        stat({
          title: 'Waiting to be sent',
          description:
            'More than a few for more than a minute: the receiver cannot be reached. They are kept for a day.',
          unit: 'short',
          thresholds: [10, 100],
          width: 6,
          queries: { expr: sum(series('notification_queue_length'), 'receiver'), legend: '{{receiver}}' },
        }),
        stat({
          title: 'Could not be written to disk',
          description:
            'Notifications that would be lost if the agent ended: the disk is full or read-only, the log says which.',
          unit: 'short',
          thresholds: [null, 1],
          width: 6,
          queries: { expr: sum(`increase(${series('notifications_undurable_total')}[1h])`), legend: 'in an hour' },
        }),
      ],
    },
    {
      title: 'Do the agents see everything?',
      panels: [
        table({
          title: 'Programs that are not attached',
          description:
            'What they would count is not seen. `spillway doctor` on the host says what to do. Empty is good.',
          unit: 'short',
          width: 12,
          height: 8,
          queries: {
            expr: `count by (instance, program, hook) (${series('program_attached')} == 0)`,
            legend: 'missing',
          },
          overrides: [{ of: 'instance', links: HOST_LINKS }],
        }),
        graph({
          title: 'Missed runs',
          description:
            'Runs that the kernel skipped, on preemptible kernels under load: seen and missed, but for the harmless, are all.',
          unit: 'ops',
          queries: [
            {
              expr: sum(rate('program_missed_runs_total'), 'instance', 'program'),
              legend: '{{instance}} {{program}}',
            },
            { expr: sum(rate('harmless_missed_runs_total'), 'instance'), legend: '{{instance}} harmless' },
          ],
        }),
        graph({
          title: 'Tables: how full',
          description:
            'At 100 % what is new is counted together with others: raise `tables.flows` or `tables.processes`.',
          unit: 'percentunit',
          thresholds: [0.75, 0.95],
          queries: {
            expr: share(
              sum(series('table_entries'), 'instance', 'table'),
              sum(series('table_capacity'), 'instance', 'table'),
            ),
            legend: '{{instance}} {{table}}',
          },
        }),
        graph({
          title: 'Counted without a place',
          description:
            'Found a table full, had no process, or an event found the ring buffer full. Sums are right all the same; what is missing is who it was.',
          unit: 'ops',
          queries: [
            { expr: sum(rate('table_overflow_total'), 'table'), legend: '{{table}} full' },
            { expr: sum(rate('unattributed_attempts_total')), legend: 'without a process' },
            { expr: sum(rate('events_lost_total')), legend: 'events lost' },
          ],
        }),
        graph({
          title: 'Counts that many processors add to',
          description:
            'Those that have a line of the cache for each processor, and those that should and wait. Only on more than 8 processors.',
          unit: 'none',
          queries: [
            { expr: sum(series('shard_sets'), 'instance'), legend: '{{instance}} spread' },
            { expr: sum(rate('shard_sets_lacking_total'), 'instance'), legend: '{{instance}} waiting' },
          ],
        }),
        graph({
          title: 'Refusals that have not ended',
          description: 'While there are any, one more probe runs at every system call (`confirm: auto`).',
          unit: 'none',
          queries: { expr: sum(series('refusals_pending'), 'instance'), legend: '{{instance}}' },
        }),
        graph({
          title: 'Collections',
          description:
            'How long reading the tables took. A failed one is answered with 500: see "Cannot be scraped" of the fleet.',
          unit: 's',
          queries: {
            expr: `max by (instance) (${series('collection_duration_seconds')})`,
            legend: '{{instance}}',
          },
        }),
        stat({
          title: 'Failed collections',
          description: 'Agents whose last collection that was scraped had failed.',
          unit: 'short',
          thresholds: [null, 1],
          queries: { expr: `sum(1 - ${series('collection_success')})`, legend: 'failed' },
        }),
      ],
    },
    {
      title: 'What the agents cost',
      panels: [
        graph({
          title: 'CPU',
          description: 'Of one processor, by the agent itself; without the probes.',
          unit: 'percentunit',
          queries: {
            expr: sum(`rate(${processSeries('process_cpu_seconds_total')}[$__rate_interval])`, 'instance'),
            legend: '{{instance}}',
          },
        }),
        graph({
          title: 'Memory',
          description:
            'Resident. The tables in the kernel come on top: most of it for flows and processes, see docs/overhead.md.',
          unit: 'bytes',
          queries: { expr: sum(processSeries('process_resident_memory_bytes'), 'instance'), legend: '{{instance}}' },
        }),
        graph({
          title: 'Descriptors',
          description:
            'Share of those that it may have open. With none left new connections wait, and its other figures here are missing.',
          unit: 'percentunit',
          thresholds: [0.75, 0.95],
          queries: {
            expr: share(
              sum(processSeries('process_open_fds'), 'instance'),
              sum(processSeries('process_max_fds'), 'instance'),
            ),
            legend: '{{instance}}',
          },
        }),
        stat({
          title: 'Own figures that could not be read',
          description: 'No descriptor is left, as a rule: the panels beside this one have gaps.',
          unit: 'short',
          thresholds: [null, 1],
          queries: {
            expr: sum(`increase(${processSeries('spillway_process_read_errors_total')}[1h])`),
            legend: 'in an hour',
          },
        }),
        graph({
          title: 'Running since',
          description: 'A drop is a restart: counters begin anew, unless `persist` is on.',
          unit: 's',
          queries: {
            expr: `time() - max by (instance) (${processSeries('process_start_time_seconds')})`,
            legend: '{{instance}}',
          },
        }),
        graph({
          title: 'Time in probes (only with kernel.bpf_stats_enabled=1)',
          description:
            'Of one processor, by program. Counting it costs time of its own: switch it on to look, then off again.',
          unit: 'percentunit',
          queries: [{ expr: sum(rate('program_run_seconds_total'), 'program'), legend: '{{program}}' }],
        }),
        graph({
          title: 'Runs of probes (only with kernel.bpf_stats_enabled=1)',
          description: 'How often each of them ran; likewise.',
          unit: 'ops',
          queries: { expr: sum(rate('program_runs_total'), 'program'), legend: '{{program}}' },
        }),
      ],
    },
  ],
};
