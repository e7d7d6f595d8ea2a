/** One host: who attempts what, what becomes of it, and why. */
import { HOST, OUTCOMES_PAGE } from './links.ts';
import { type Board, graph, table } from './panel.ts';
import { bucketRate, rate, series, share, sum, top } from './query.ts';
import { bytes, copies, FALLBACK_THRESHOLDS, outcomes, refusals, summary } from './shared.ts';

/** Of those that were called at all: the others have no quantile, which is NaN, and no number is above 0 then. */
const quantile = (of: number) =>
  `histogram_quantile(${String(of)}, ${sum(bucketRate('attempt_duration_seconds'), 'mechanism', 'outcome', 'le')}) > 0`;

export const host: Board = {
  uid: HOST,
  title: 'spillway: one host',
  description: 'Zero-copy on one host: mechanisms, programs, flows and rings.',
  hosts: 'one',
  links: [{ title: 'Status page of this host', url: '${scheme}://${instance:raw}/' }, OUTCOMES_PAGE],
  sections: [
    { title: 'Now', panels: summary },
    {
      title: 'Attempts',
      panels: [
        outcomes,
        graph({
          title: 'Attempts by mechanism',
          description: 'Which calls, or requests of rings, are attempted.',
          unit: 'ops',
          stacked: true,
          queries: { expr: sum(rate('attempts_total'), 'mechanism'), legend: '{{mechanism}}' },
        }),
        bytes,
        graph({
          title: 'Errors by errno',
          description:
            'Attempts that returned an error, refusals among them. EAGAIN and EINTR: the program is to try again.',
          unit: 'ops',
          queries: { expr: sum(rate('errors_total'), 'mechanism', 'errno'), legend: '{{mechanism}} {{errno}}' },
        }),
      ],
    },
    {
      title: 'What was copied, and why',
      panels: [
        graph({
          title: 'Fallbacks',
          description: 'Transfers that ended in read and write. confirmed: seen. presumed: nothing said otherwise.',
          unit: 'ops',
          queries: {
            expr: sum(rate('fallbacks_total'), 'mechanism', 'evidence'),
            legend: '{{mechanism}} {{evidence}}',
          },
        }),
        graph({
          title: 'How refusals ended',
          description:
            'cascaded: another zero-copy call took over. abandoned: nothing was copied. confirmed, presumed: the fallbacks. Only what is confirmed or presumed costs anything.',
          unit: 'ops',
          queries: { expr: sum(rate('refusal_resolutions_total'), 'resolution'), legend: '{{resolution}}' },
        }),
        refusals,
        copies,
      ],
    },
    {
      title: 'Programs',
      panels: [
        table({
          title: 'Programs',
          description:
            'Program (comm), systemd unit or container, mechanism. On the host, `spillway procs` shows the processes, `spillway inspect PID` why one of them copies.',
          unit: 'ops',
          queries: [
            { expr: sum(rate('workload_attempts_total'), 'unit', 'comm', 'mechanism'), legend: 'attempts' },
            {
              expr: share(
                sum(rate('workload_fallbacks_total'), 'unit', 'comm', 'mechanism'),
                sum(rate('workload_attempts_total'), 'unit', 'comm', 'mechanism'),
              ),
              legend: 'fell back',
            },
            { expr: sum(series('workload_fallen'), 'unit', 'comm', 'mechanism'), legend: 'fallen processes' },
          ],
          overrides: [
            { of: 'fell back', unit: 'percentunit', thresholds: FALLBACK_THRESHOLDS },
            { of: 'fallen processes', unit: 'short', thresholds: [1, null] },
          ],
        }),
        graph({
          title: 'Programs with most fallbacks',
          description: 'The ten that copy most; none where nothing falls back.',
          unit: 'ops',
          queries: {
            expr: top(10, sum(rate('workload_fallbacks_total'), 'unit', 'comm', 'mechanism')),
            legend: '{{comm}} {{unit}} {{mechanism}}',
          },
        }),
        graph({
          title: 'Programs with most errors',
          description: 'The ten with most errors of attempts.',
          unit: 'ops',
          queries: {
            expr: top(10, sum(rate('workload_errors_total'), 'unit', 'comm', 'mechanism', 'errno')),
            legend: '{{comm}} {{unit}} {{mechanism}} {{errno}}',
          },
        }),
      ],
    },
    {
      title: 'Flows',
      panels: [
        table({
          title: 'Flows',
          description:
            'Pairs of hosts, without ports: src is this host. Attempts between files and pipes have no flow.',
          unit: 'ops',
          queries: [
            { expr: sum(rate('flow_attempts_total'), 'src', 'dst', 'proto'), legend: 'attempts' },
            { expr: sum(rate('flow_bytes_total'), 'src', 'dst', 'proto'), legend: 'bytes' },
            {
              expr: share(
                sum(rate('flow_attempts_total', 'outcome="refused"'), 'src', 'dst', 'proto'),
                sum(rate('flow_attempts_total'), 'src', 'dst', 'proto'),
              ),
              legend: 'refused',
            },
          ],
          overrides: [
            { of: 'bytes', unit: 'Bps' },
            { of: 'refused', unit: 'percentunit', thresholds: FALLBACK_THRESHOLDS },
          ],
        }),
      ],
    },
    {
      title: 'io_uring',
      panels: [
        graph({
          title: 'io_uring_enter',
          description:
            'Calls, the requests that they submitted (what an SQPOLL thread submits passes no call), and requests of zero-copy opcodes that a worker thread did, because they would have blocked.',
          unit: 'ops',
          queries: [
            { expr: sum(rate('io_uring_enters_total')), legend: 'calls' },
            { expr: sum(rate('io_uring_submitted_total')), legend: 'requests' },
            { expr: sum(rate('io_uring_async_work_total'), 'opcode'), legend: '{{opcode}} by a worker' },
          ],
        }),
        graph({
          title: 'Errors of rings',
          description:
            'io_uring_enter by errno (EAGAIN: no memory for requests), io_uring_setup by errno (EPERM, ENOSYS: rings are not allowed here), and completions that found their queue full.',
          unit: 'ops',
          queries: [
            { expr: sum(rate('io_uring_enter_errors_total'), 'errno'), legend: 'enter {{errno}}' },
            { expr: sum(rate('io_uring_setup_errors_total'), 'errno'), legend: 'setup {{errno}}' },
            { expr: sum(rate('io_uring_cq_overflows_total')), legend: 'completion queue full' },
          ],
        }),
      ],
    },
    {
      title: 'Durations (only with latency.enabled)',
      panels: [
        graph({
          title: 'P50',
          description:
            'Half of the calls took at most this long. The kernel counts in powers of two: true to a factor of two.',
          unit: 's',
          queries: { expr: quantile(0.5), legend: '{{mechanism}} {{outcome}}' },
        }),
        graph({
          title: 'P99',
          description: 'All but one of a hundred took at most this long; likewise true to a factor of two.',
          unit: 's',
          queries: { expr: quantile(0.99), legend: '{{mechanism}} {{outcome}}' },
        }),
      ],
    },
  ],
};
