/**
 * Every metric that is exported: name, type, help and labels stand here and nowhere else. The writer takes its headers
 * from it, docs/metrics.md is generated from it, and the compiler checks every sample's labels against it.
 */

/** Stands before the name of everything that is counted in the kernel. */
export const PREFIX = 'spillway_';

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label names, in the order in which they are written; `le` of histograms is not among them. */
  readonly labels: readonly string[];
  /** What docs/metrics.md says beyond the help. */
  readonly note?: string;
}

/** By name without the prefix, in the order in which they are written. */
export const CATALOGUE = {
  attempts_total: {
    type: 'counter',
    help: 'Zero-copy attempts that returned, by how they ended.',
    labels: ['mechanism', 'outcome'],
    note: 'All combinations are there from the start, so that a rate sees the first event.',
  },
  attempt_bytes_total: {
    type: 'counter',
    help: 'Bytes that attempts moved.',
    labels: ['mechanism', 'outcome'],
    note: 'Only for outcomes that move bytes.',
  },
  fallbacks_total: {
    type: 'counter',
    help: 'Transfers that ended in copying by the application, because an attempt was refused.',
    labels: ['mechanism', 'evidence'],
    note:
      'confirmed: the application was then seen reading the source or writing the sink. presumed: nothing said otherwise in ' +
      'the time allowed, or it could not be watched. All combinations are there from the start.',
  },
  refusals_total: {
    type: 'counter',
    help: 'Attempts that were refused, by reason.',
    labels: ['mechanism', 'reason'],
  },
  refusal_resolutions_total: {
    type: 'counter',
    help: 'Refusals by how they ended.',
    labels: ['mechanism', 'resolution'],
    note:
      'With `spillway_refusals_pending` they sum to `spillway_attempts_total{outcome="refused"}` in every scrape. cascaded: ' +
      'another zero-copy call took over, so that of a chain of refusals only the last one can become a fallback. abandoned: ' +
      'nothing was copied. All combinations are there from the start.',
  },
  refusals_pending: {
    type: 'gauge',
    help: 'Refusals that have not ended yet.',
    labels: ['mechanism'],
  },
  copies_total: {
    type: 'counter',
    help: 'Attempts that succeeded but were copied by the kernel, by reason.',
    labels: ['mechanism', 'reason'],
  },
  errors_total: {
    type: 'counter',
    help: 'Attempts that returned an error, by errno.',
    labels: ['mechanism', 'errno'],
    note: 'An interrupted call is EINTR, whatever would have restarted it. Numbers without a name are `other`.',
  },
  io_uring_enters_total: { type: 'counter', help: 'Calls of io_uring_enter that returned.', labels: [] },
  io_uring_enter_errors_total: {
    type: 'counter',
    help: 'Calls of io_uring_enter that returned an error, by errno.',
    labels: ['errno'],
  },
  io_uring_submitted_total: {
    type: 'counter',
    help: 'Requests that io_uring_enter submitted.',
    labels: [],
    note: 'Requests of any opcode. What an SQPOLL thread submits passes no io_uring_enter.',
  },
  io_uring_setup_errors_total: {
    type: 'counter',
    help: 'Calls of io_uring_setup that returned an error, by errno.',
    labels: ['errno'],
  },
  io_uring_cq_overflows_total: {
    type: 'counter',
    help: 'Completions that found their completion queue full.',
    labels: [],
  },
  io_uring_async_work_total: {
    type: 'counter',
    help: 'Requests of zero-copy opcodes that were handed to a worker thread.',
    labels: ['opcode'],
  },
  attempt_duration_seconds: {
    type: 'histogram',
    help: 'How long system calls took, by how they ended.',
    labels: ['mechanism', 'outcome'],
    note:
      'Only with latency.enabled. The kernel counts in powers of two of nanoseconds, so the sum cannot be known: it takes each ' +
      'call for as long as the middle of its bucket, which is at most half too much or a quarter too little.',
  },
  workload_attempts_total: {
    type: 'counter',
    help: 'Attempts by workload; those without a place of their own are under unit and comm other.',
    labels: ['unit', 'comm', 'mechanism', 'outcome'],
    note:
      'A workload is a program (comm) in a systemd unit or a container (unit), which is empty for processes in neither. ' +
      'Sums to `spillway_attempts_total`. See "Bounded label sets".',
  },
  workload_fallbacks_total: {
    type: 'counter',
    help: 'Transfers that ended in copying by workload; those without a place of their own are under unit and comm other.',
    labels: ['unit', 'comm', 'mechanism', 'evidence'],
    note: 'Sums to `spillway_fallbacks_total`.',
  },
  workload_errors_total: {
    type: 'counter',
    help: 'Attempts that returned an error by workload; those without a place of their own are under unit and comm other.',
    labels: ['unit', 'comm', 'mechanism', 'errno'],
    note: 'Sums to `spillway_errors_total`.',
  },
  workload_fallen: {
    type: 'gauge',
    help: 'Live processes of a workload that fell back and have not moved bytes by that mechanism without a copy since.',
    labels: ['unit', 'comm', 'mechanism'],
    note:
      'Programs remember a refusal and never ask again, so silence is no recovery. mechanism `io_uring_setup`: a ring could ' +
      'not be set up, and none has been since. Zeros are not written.',
  },
  flow_attempts_total: {
    type: 'counter',
    help: 'Attempts by pair of hosts; those without a place of their own are under src other.',
    labels: ['src', 'dst', 'proto', 'outcome'],
    note:
      'src is the local address, dst the peer; no ports. Sockets without an IP flow (unix, vsock) have empty addresses. ' +
      'Attempts between files and pipes have no flow. See "Bounded label sets".',
  },
  flow_bytes_total: {
    type: 'counter',
    help: 'Bytes that attempts moved by pair of hosts; those without a place of their own are under src other.',
    labels: ['src', 'dst', 'proto', 'outcome'],
  },
  unattributed_attempts_total: {
    type: 'counter',
    help: 'Attempts for which no process could be found.',
    labels: ['mechanism'],
    note: 'They are part of `spillway_attempts_total`.',
  },
  table_entries: { type: 'gauge', help: 'Entries in a kernel table.', labels: ['table'] },
  table_capacity: { type: 'gauge', help: 'Entries that a kernel table can hold.', labels: ['table'] },
  table_overflow_total: {
    type: 'counter',
    help: 'Counts that found a kernel table full.',
    labels: ['table'],
    note:
      'Nothing is missing from `spillway_attempts_total`; it is only not told apart by process or flow. What found `causes` ' +
      'full is missing from the metrics by errno, by reason and by opcode.',
  },
  program_attached: {
    type: 'gauge',
    help: 'Whether a BPF program is attached (1) or could not be (0).',
    labels: ['program', 'hook'],
    note: 'A program that is switched off has no series, so that 0 is always a fault.',
  },
  program_runs_total: {
    type: 'counter',
    help: 'Runs of a BPF program.',
    labels: ['program', 'hook'],
    note: 'Only with kernel.bpf_stats_enabled=1: without it the kernel counts no runs, and 0 would be untrue.',
  },
  program_run_seconds_total: {
    type: 'counter',
    help: 'Time spent in a BPF program.',
    labels: ['program', 'hook'],
    note: 'Likewise.',
  },
  program_missed_runs_total: {
    type: 'counter',
    help: 'Runs of a BPF program that the kernel skipped: what they would have counted, nobody saw, but for harmless ones.',
    labels: ['program', 'hook'],
    note: 'Those of programs by `kretprobe.multi` hide nothing: what they miss is counted at the tracepoint.',
  },
  harmless_missed_runs_total: {
    type: 'counter',
    help: 'Missed runs of BPF programs at tracepoints whose call had been counted at the return of the function.',
    labels: [],
    note: 'Where the kernel preempts programs at tracepoints (7.2 and newer).',
  },
  shard_sets: {
    type: 'gauge',
    help: 'Counts that have a line of the cache for each processor, because many add to them.',
    labels: [],
    note: '0 on machines with up to 8 processors. See docs/overhead.md.',
  },
  shard_sets_lacking_total: {
    type: 'counter',
    help: 'Seconds, of each count, in which it should have had such lines and none were free: attempts wait for each other.',
    labels: [],
  },
  events_lost_total: {
    type: 'counter',
    help: 'Events that found the ring buffer full: they delay the agent and change no count.',
    labels: [],
  },
  alert_active: {
    type: 'gauge',
    help: 'Alerts that fire, by rule: for the host and for workloads.',
    labels: ['rule'],
    note: 'A rule that is evaluated and does not fire is 0; one that is switched off has no series.',
  },
  alert_transitions_total: {
    type: 'counter',
    help: 'Alerts that fired, were repeated or resolved.',
    labels: ['rule', 'transition'],
    note: 'Begins at 0 for every rule that is evaluated.',
  },
  notifications_total: {
    type: 'counter',
    help: 'Deliveries of notifications, by what came of them.',
    labels: ['receiver', 'result'],
    note:
      'sent, rejected (by the server), expired (too old), dropped (no room), cancelled (resolved before it was sent) and collapsed ' +
      '(told in the summary of a storm) are final; other results say why an attempt failed that is made again. All begin at 0.',
  },
  notification_queue_length: {
    type: 'gauge',
    help: 'Notifications that wait to be delivered.',
    labels: ['receiver'],
  },
  notifications_undurable_total: {
    type: 'counter',
    help: 'Notifications that could not be written to disk before they were sent.',
    labels: [],
    note: 'They are delivered from memory: lost only if the agent ends first. The disk is full or read-only; the log says which.',
  },
  collection_duration_seconds: { type: 'gauge', help: 'How long reading the kernel tables took.', labels: [] },
  collection_success: {
    type: 'gauge',
    help: 'Whether the kernel tables could be read (1) or not (0).',
    labels: [],
    note: 'A scrape that fails is answered with 500, and Prometheus reports the target as down.',
  },
  build_info: {
    type: 'gauge',
    help: 'The agent and the kernel that it runs on; always 1.',
    labels: ['version', 'revision', 'kernel'],
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof CATALOGUE;

/** Those with buckets. */
export type HistogramName = {
  [N in MetricName]: (typeof CATALOGUE)[N]['type'] extends 'histogram' ? N : never;
}[MetricName];

/** One value for each label of a metric, in the catalogue's order. */
export type LabelValues<N extends MetricName> = Texts<(typeof CATALOGUE)[N]['labels']>;
type Texts<Names extends readonly string[]> = { readonly [I in keyof Names]: string };

/** The agent's own resources, by their usual names, which have no prefix: whole names. */
export const PROCESS_CATALOGUE = {
  process_cpu_seconds_total: { type: 'counter', help: 'User and system CPU time of the agent.', labels: [] },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of the agent.',
    labels: [],
    note: 'Left out where it cannot be read; so are the next two.',
  },
  process_open_fds: { type: 'gauge', help: 'File descriptors that the agent has open.', labels: [] },
  process_max_fds: { type: 'gauge', help: 'How many it may have open.', labels: [] },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the agent was started, in seconds since the epoch.',
    labels: [],
  },
  spillway_process_read_errors_total: {
    type: 'counter',
    help: 'How often one of the figures above could not be read.',
    labels: [],
    note:
      'No descriptor is left, as a rule: connections that are open go on to be answered, new ones wait. ' +
      '`process_open_fds` shows it coming.',
  },
} as const satisfies Record<string, Metric>;
