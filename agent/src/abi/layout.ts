// Generated from the BTF of the BPF object by scripts/generate-layout.ts: do not edit.

export const LAYOUT_HASH = '0c4c90e77f135a02';

export const LAYOUT = {
  structs: {
    FlowKey: {
      size: 12,
      fields: {
        src_ip: {
          offset: 0,
          size: 4,
          elements: null,
        },
        dst_ip: {
          offset: 4,
          size: 4,
          elements: null,
        },
        proto: {
          offset: 8,
          size: 1,
          elements: null,
        },
        pad: {
          offset: 9,
          size: 1,
          elements: null,
        },
        reserved: {
          offset: 10,
          size: 2,
          elements: null,
        },
      },
    },
    Flow6Key: {
      size: 36,
      fields: {
        src_ip: {
          offset: 0,
          size: 16,
          elements: 4,
        },
        dst_ip: {
          offset: 16,
          size: 16,
          elements: 4,
        },
        proto: {
          offset: 32,
          size: 1,
          elements: null,
        },
        pad: {
          offset: 33,
          size: 1,
          elements: null,
        },
        reserved: {
          offset: 34,
          size: 2,
          elements: null,
        },
      },
    },
    counts: {
      size: 64,
      fields: {
        attempts: {
          offset: 0,
          size: 48,
          elements: 6,
        },
        bytes: {
          offset: 48,
          size: 16,
          elements: 2,
        },
      },
    },
    shard: {
      size: 64,
      fields: {
        words: {
          offset: 0,
          size: 64,
          elements: 8,
        },
      },
    },
    flow_record: {
      size: 128,
      fields: {
        counts: {
          offset: 0,
          size: 64,
          elements: null,
        },
        'counts.attempts': {
          offset: 0,
          size: 48,
          elements: 6,
        },
        'counts.bytes': {
          offset: 48,
          size: 16,
          elements: 2,
        },
        key: {
          offset: 64,
          size: 12,
          elements: null,
        },
        'key.src_ip': {
          offset: 64,
          size: 4,
          elements: null,
        },
        'key.dst_ip': {
          offset: 68,
          size: 4,
          elements: null,
        },
        'key.proto': {
          offset: 72,
          size: 1,
          elements: null,
        },
        'key.pad': {
          offset: 73,
          size: 1,
          elements: null,
        },
        'key.reserved': {
          offset: 74,
          size: 2,
          elements: null,
        },
        state: {
          offset: 76,
          size: 4,
          elements: null,
        },
        shards: {
          offset: 80,
          size: 4,
          elements: null,
        },
        reserved: {
          offset: 84,
          size: 44,
          elements: 44,
        },
      },
    },
    flow6_record: {
      size: 128,
      fields: {
        counts: {
          offset: 0,
          size: 64,
          elements: null,
        },
        'counts.attempts': {
          offset: 0,
          size: 48,
          elements: 6,
        },
        'counts.bytes': {
          offset: 48,
          size: 16,
          elements: 2,
        },
        key: {
          offset: 64,
          size: 36,
          elements: null,
        },
        'key.src_ip': {
          offset: 64,
          size: 16,
          elements: 4,
        },
        'key.dst_ip': {
          offset: 80,
          size: 16,
          elements: 4,
        },
        'key.proto': {
          offset: 96,
          size: 1,
          elements: null,
        },
        'key.pad': {
          offset: 97,
          size: 1,
          elements: null,
        },
        'key.reserved': {
          offset: 98,
          size: 2,
          elements: null,
        },
        state: {
          offset: 100,
          size: 4,
          elements: null,
        },
        shards: {
          offset: 104,
          size: 4,
          elements: null,
        },
        reserved: {
          offset: 108,
          size: 20,
          elements: 20,
        },
      },
    },
    process_key: {
      size: 24,
      fields: {
        start_time: {
          offset: 0,
          size: 8,
          elements: null,
        },
        exec_id: {
          offset: 8,
          size: 8,
          elements: null,
        },
        tgid: {
          offset: 16,
          size: 4,
          elements: null,
        },
        state: {
          offset: 20,
          size: 4,
          elements: null,
        },
      },
    },
    ring_counts: {
      size: 64,
      fields: {
        enters: {
          offset: 0,
          size: 8,
          elements: null,
        },
        submitted: {
          offset: 8,
          size: 8,
          elements: null,
        },
        setups: {
          offset: 16,
          size: 8,
          elements: null,
        },
        cq_overflows: {
          offset: 24,
          size: 8,
          elements: null,
        },
        reserved: {
          offset: 32,
          size: 32,
          elements: 4,
        },
      },
    },
    resolutions: {
      size: 32,
      fields: {
        refusals: {
          offset: 0,
          size: 32,
          elements: 4,
        },
      },
    },
    process_record: {
      size: 1152,
      fields: {
        key: {
          offset: 0,
          size: 24,
          elements: null,
        },
        'key.start_time': {
          offset: 0,
          size: 8,
          elements: null,
        },
        'key.exec_id': {
          offset: 8,
          size: 8,
          elements: null,
        },
        'key.tgid': {
          offset: 16,
          size: 4,
          elements: null,
        },
        'key.state': {
          offset: 20,
          size: 4,
          elements: null,
        },
        ended_at: {
          offset: 24,
          size: 8,
          elements: null,
        },
        fell_back_at: {
          offset: 32,
          size: 8,
          elements: null,
        },
        cgroup: {
          offset: 40,
          size: 8,
          elements: null,
        },
        fallen: {
          offset: 48,
          size: 4,
          elements: null,
        },
        cgroup_hierarchy: {
          offset: 52,
          size: 4,
          elements: null,
        },
        comm: {
          offset: 56,
          size: 16,
          elements: 16,
        },
        claimed_at: {
          offset: 72,
          size: 8,
          elements: null,
        },
        ring_shards: {
          offset: 80,
          size: 4,
          elements: null,
        },
        shards: {
          offset: 84,
          size: 40,
          elements: 10,
        },
        reserved: {
          offset: 124,
          size: 4,
          elements: null,
        },
        rings: {
          offset: 128,
          size: 64,
          elements: null,
        },
        'rings.enters': {
          offset: 128,
          size: 8,
          elements: null,
        },
        'rings.submitted': {
          offset: 136,
          size: 8,
          elements: null,
        },
        'rings.setups': {
          offset: 144,
          size: 8,
          elements: null,
        },
        'rings.cq_overflows': {
          offset: 152,
          size: 8,
          elements: null,
        },
        'rings.reserved': {
          offset: 160,
          size: 32,
          elements: 4,
        },
        resolutions: {
          offset: 192,
          size: 320,
          elements: 10,
        },
        mechanisms: {
          offset: 512,
          size: 640,
          elements: 10,
        },
      },
    },
    cgroup_key: {
      size: 16,
      fields: {
        id: {
          offset: 0,
          size: 8,
          elements: null,
        },
        hierarchy: {
          offset: 8,
          size: 4,
          elements: null,
        },
        reserved: {
          offset: 12,
          size: 4,
          elements: null,
        },
      },
    },
    cgroup_names: {
      size: 384,
      fields: {
        names: {
          offset: 0,
          size: 384,
          elements: 384,
        },
      },
    },
    culprit: {
      size: 296,
      fields: {
        described: {
          offset: 0,
          size: 4,
          elements: null,
        },
        flags: {
          offset: 4,
          size: 4,
          elements: null,
        },
        mode: {
          offset: 8,
          size: 2,
          elements: null,
        },
        family: {
          offset: 10,
          size: 2,
          elements: null,
        },
        protocol: {
          offset: 12,
          size: 2,
          elements: null,
        },
        type: {
          offset: 14,
          size: 2,
          elements: null,
        },
        local_port: {
          offset: 16,
          size: 2,
          elements: null,
        },
        peer_port: {
          offset: 18,
          size: 2,
          elements: null,
        },
        reserved: {
          offset: 20,
          size: 4,
          elements: null,
        },
        local: {
          offset: 24,
          size: 16,
          elements: 16,
        },
        peer: {
          offset: 40,
          size: 16,
          elements: 16,
        },
        filesystem: {
          offset: 56,
          size: 16,
          elements: 16,
        },
        names: {
          offset: 72,
          size: 224,
          elements: 224,
        },
      },
    },
    cause_key: {
      size: 8,
      fields: {
        process: {
          offset: 0,
          size: 4,
          elements: null,
        },
        code: {
          offset: 4,
          size: 2,
          elements: null,
        },
        kind: {
          offset: 6,
          size: 1,
          elements: null,
        },
        mechanism: {
          offset: 7,
          size: 1,
          elements: null,
        },
      },
    },
    cause_record: {
      size: 320,
      fields: {
        count: {
          offset: 0,
          size: 8,
          elements: null,
        },
        key: {
          offset: 8,
          size: 8,
          elements: null,
        },
        'key.process': {
          offset: 8,
          size: 4,
          elements: null,
        },
        'key.code': {
          offset: 12,
          size: 2,
          elements: null,
        },
        'key.kind': {
          offset: 14,
          size: 1,
          elements: null,
        },
        'key.mechanism': {
          offset: 15,
          size: 1,
          elements: null,
        },
        state: {
          offset: 16,
          size: 4,
          elements: null,
        },
        reserved: {
          offset: 20,
          size: 4,
          elements: null,
        },
        culprit: {
          offset: 24,
          size: 296,
          elements: null,
        },
        'culprit.described': {
          offset: 24,
          size: 4,
          elements: null,
        },
        'culprit.flags': {
          offset: 28,
          size: 4,
          elements: null,
        },
        'culprit.mode': {
          offset: 32,
          size: 2,
          elements: null,
        },
        'culprit.family': {
          offset: 34,
          size: 2,
          elements: null,
        },
        'culprit.protocol': {
          offset: 36,
          size: 2,
          elements: null,
        },
        'culprit.type': {
          offset: 38,
          size: 2,
          elements: null,
        },
        'culprit.local_port': {
          offset: 40,
          size: 2,
          elements: null,
        },
        'culprit.peer_port': {
          offset: 42,
          size: 2,
          elements: null,
        },
        'culprit.reserved': {
          offset: 44,
          size: 4,
          elements: null,
        },
        'culprit.local': {
          offset: 48,
          size: 16,
          elements: 16,
        },
        'culprit.peer': {
          offset: 64,
          size: 16,
          elements: 16,
        },
        'culprit.filesystem': {
          offset: 80,
          size: 16,
          elements: 16,
        },
        'culprit.names': {
          offset: 96,
          size: 224,
          elements: 224,
        },
      },
    },
    slot_pool: {
      size: 64,
      fields: {
        fresh: {
          offset: 0,
          size: 8,
          elements: null,
        },
        head: {
          offset: 8,
          size: 8,
          elements: null,
        },
        tail: {
          offset: 16,
          size: 8,
          elements: null,
        },
        overflows: {
          offset: 24,
          size: 8,
          elements: null,
        },
        carried_overflows: {
          offset: 32,
          size: 8,
          elements: null,
        },
        reserved: {
          offset: 40,
          size: 24,
          elements: 3,
        },
      },
    },
    event: {
      size: 8,
      fields: {
        kind: {
          offset: 0,
          size: 4,
          elements: null,
        },
        slot: {
          offset: 4,
          size: 4,
          elements: null,
        },
      },
    },
    process_state: {
      size: 16,
      fields: {
        slot: {
          offset: 0,
          size: 4,
          elements: null,
        },
        flags: {
          offset: 4,
          size: 4,
          elements: null,
        },
        flow_hint: {
          offset: 8,
          size: 4,
          elements: null,
        },
        cause_hint: {
          offset: 12,
          size: 4,
          elements: null,
        },
      },
    },
    pending: {
      size: 80,
      fields: {
        at: {
          offset: 0,
          size: 8,
          elements: null,
        },
        source: {
          offset: 8,
          size: 8,
          elements: null,
        },
        sink: {
          offset: 16,
          size: 8,
          elements: null,
        },
        source_inode: {
          offset: 24,
          size: 8,
          elements: null,
        },
        sink_inode: {
          offset: 32,
          size: 8,
          elements: null,
        },
        read: {
          offset: 40,
          size: 8,
          elements: null,
        },
        written: {
          offset: 48,
          size: 8,
          elements: null,
        },
        mappings: {
          offset: 56,
          size: 8,
          elements: null,
        },
        source_fd: {
          offset: 64,
          size: 4,
          elements: null,
        },
        sink_fd: {
          offset: 68,
          size: 4,
          elements: null,
        },
        process: {
          offset: 72,
          size: 4,
          elements: null,
        },
        error: {
          offset: 76,
          size: 2,
          elements: null,
        },
        mechanism: {
          offset: 78,
          size: 1,
          elements: null,
        },
        watched: {
          offset: 79,
          size: 1,
          elements: null,
        },
      },
    },
    thread_state: {
      size: 320,
      fields: {
        pendings: {
          offset: 0,
          size: 320,
          elements: 4,
        },
      },
    },
    latency: {
      size: 320,
      fields: {
        buckets: {
          offset: 0,
          size: 320,
          elements: 40,
        },
      },
    },
    retirement: {
      size: 516,
      fields: {
        count: {
          offset: 0,
          size: 4,
          elements: null,
        },
        slots: {
          offset: 4,
          size: 512,
          elements: 128,
        },
      },
    },
    departed_record: {
      size: 1464,
      fields: {
        unit: {
          offset: 0,
          size: 384,
          elements: 384,
        },
        comm: {
          offset: 384,
          size: 48,
          elements: 48,
        },
        state: {
          offset: 432,
          size: 4,
          elements: null,
        },
        reserved: {
          offset: 436,
          size: 4,
          elements: null,
        },
        rings: {
          offset: 440,
          size: 64,
          elements: null,
        },
        'rings.enters': {
          offset: 440,
          size: 8,
          elements: null,
        },
        'rings.submitted': {
          offset: 448,
          size: 8,
          elements: null,
        },
        'rings.setups': {
          offset: 456,
          size: 8,
          elements: null,
        },
        'rings.cq_overflows': {
          offset: 464,
          size: 8,
          elements: null,
        },
        'rings.reserved': {
          offset: 472,
          size: 32,
          elements: 4,
        },
        resolutions: {
          offset: 504,
          size: 320,
          elements: 10,
        },
        mechanisms: {
          offset: 824,
          size: 640,
          elements: 10,
        },
      },
    },
    fold: {
      size: 8,
      fields: {
        slot: {
          offset: 0,
          size: 4,
          elements: null,
        },
        place: {
          offset: 4,
          size: 4,
          elements: null,
        },
      },
    },
    turn: {
      size: 32,
      fields: {
        generation: {
          offset: 0,
          size: 8,
          elements: null,
        },
        from: {
          offset: 8,
          size: 8,
          elements: null,
        },
        to: {
          offset: 16,
          size: 8,
          elements: null,
        },
        step: {
          offset: 24,
          size: 8,
          elements: null,
        },
      },
    },
    reported_key: {
      size: 16,
      fields: {
        ring: {
          offset: 0,
          size: 8,
          elements: null,
        },
        user_data: {
          offset: 8,
          size: 8,
          elements: null,
        },
      },
    },
    reported: {
      size: 24,
      fields: {
        bytes: {
          offset: 0,
          size: 8,
          elements: null,
        },
        sink: {
          offset: 8,
          size: 8,
          elements: null,
        },
        waiting: {
          offset: 16,
          size: 4,
          elements: null,
        },
        mechanism: {
          offset: 20,
          size: 4,
          elements: null,
        },
      },
    },
    identity: {
      size: 4096,
      fields: {
        text: {
          offset: 0,
          size: 4096,
          elements: 4096,
        },
      },
    },
  },
  enums: {
    mechanism: {
      SENDFILE: 0,
      SPLICE: 1,
      TEE: 2,
      VMSPLICE: 3,
      COPY_FILE_RANGE: 4,
      IO_URING_SPLICE: 5,
      IO_URING_TEE: 6,
      IO_URING_SEND_ZC: 7,
      IO_URING_SENDMSG_ZC: 8,
      IO_URING_RECV_ZC: 9,
      COUNT: 10,
    },
    outcome: {
      ZEROCOPY: 0,
      COPIED: 1,
      RETRY: 2,
      REFUSED: 3,
      DENIED: 4,
      FAILED: 5,
      COUNT: 6,
    },
    copy_reason: {
      NONE: 0,
      SOURCE_COPIES: 1,
      SOURCE_DAX: 2,
      SOURCE_SOCKET_WITHOUT_SPLICE: 3,
      SINK_REGULAR_FILE: 4,
      SINK_COPIES: 5,
      SINK_SOCKET_WITHOUT_SG: 6,
      SINK_TLS: 7,
      SINK_PROTOCOL: 8,
      COPY_FILE_RANGE_IN_KERNEL: 9,
      VMSPLICE_TO_USER: 10,
      ZC_NOTIFIED_COPIED: 11,
      LOOPBACK: 12,
      COUNT: 13,
    },
    refusal_reason: {
      NONE: 0,
      SOURCE_CANNOT_SPLICE: 1,
      SINK_CANNOT_SPLICE: 2,
      SINK_APPEND: 3,
      SOURCE_NOT_SEEKABLE: 4,
      NO_PIPE: 5,
      NOT_A_PIPE: 6,
      NOT_REGULAR: 7,
      CROSS_DEVICE: 8,
      NOT_SUPPORTED: 9,
      NO_SYSCALL: 10,
      ZERO_SIZE_SOURCE: 11,
      RING_IOPOLL: 12,
      ZC_NOT_SUPPORTED: 13,
      EINVAL_OTHER: 14,
      COUNT: 15,
    },
    resolution: {
      CASCADED: 0,
      CONFIRMED: 1,
      PRESUMED: 2,
      ABANDONED: 3,
      COUNT: 4,
    },
    cause_kind: {
      NONE: 0,
      ERRNO: 1,
      ENTER_ERRNO: 2,
      SETUP_ERRNO: 3,
      ASYNC_WORK: 4,
      COPIED: 5,
      REFUSED: 6,
      KIND_COUNT: 7,
    },
    slot_state: {
      FREE: 0,
      LIVE: 1,
      RETIRING: 2,
      ORPHAN: 3,
    },
    reserved_slot: {
      OVERFLOW: 0,
      NOBODY: 1,
      DEPARTED: 2,
      FIRST: 3,
    },
    table: {
      PROCESSES: 0,
      FLOWS: 1,
      FLOWS6: 2,
      CAUSES: 3,
      COUNT: 4,
    },
    event_kind: {
      NONE: 0,
      PROCESS_ENDED: 1,
      REFUSAL: 2,
    },
    process_flag: {
      IGNORED: 1,
      TRACKED: 2,
      TRACKS_CHILDREN: 4,
    },
    handover: {
      PREPARE: 0,
      SWITCH: 1,
    },
    departed_place: {
      NAMELESS: 0,
      OVERFLOW: 1,
      NOBODY: 2,
      FIRST: 3,
    },
  },
  variables: {
    copy_splice_read: {
      section: '.bss',
      offset: 0,
      size: 8,
    },
    iter_file_splice_write: {
      section: '.bss',
      offset: 8,
      size: 8,
    },
    socket_file_ops: {
      section: '.bss',
      offset: 16,
      size: 8,
    },
    plain_tcp: {
      section: '.bss',
      offset: 24,
      size: 8,
    },
    plain_tcp6: {
      section: '.bss',
      offset: 32,
      size: 8,
    },
    registers_on_stack: {
      section: '.bss',
      offset: 40,
      size: 8,
    },
    programs_are_preempted: {
      section: '.bss',
      offset: 48,
      size: 8,
    },
    watching: {
      section: '.bss',
      offset: 56,
      size: 4,
    },
    events_lost: {
      section: '.bss',
      offset: 64,
      size: 8,
    },
    forks_lost: {
      section: '.bss',
      offset: 72,
      size: 8,
    },
    shared_types: {
      section: '.bss',
      offset: 80,
      size: 8,
    },
    pending_buckets: {
      section: '.bss',
      offset: 88,
      size: 4096,
    },
    pending_total: {
      section: '.bss',
      offset: 4184,
      size: 8,
    },
    latency_enabled: {
      section: '.rodata',
      offset: 0,
      size: 1,
    },
    process_capacity: {
      section: '.rodata',
      offset: 4,
      size: 4,
    },
    flow_capacity: {
      section: '.rodata',
      offset: 8,
      size: 4,
    },
    flow6_capacity: {
      section: '.rodata',
      offset: 12,
      size: 4,
    },
    cause_capacity: {
      section: '.rodata',
      offset: 16,
      size: 4,
    },
    tracked_only: {
      section: '.rodata',
      offset: 20,
      size: 1,
    },
    shard_mask: {
      section: '.rodata',
      offset: 24,
      size: 4,
    },
    generation: {
      section: '.rodata',
      offset: 32,
      size: 8,
    },
  },
} as const;

/** Names of enumerators, in the order of their values; reasons begin with none. */
export const MECHANISMS = [
  'sendfile',
  'splice',
  'tee',
  'vmsplice',
  'copy_file_range',
  'io_uring_splice',
  'io_uring_tee',
  'io_uring_send_zc',
  'io_uring_sendmsg_zc',
  'io_uring_recv_zc',
] as const;
export const OUTCOMES = ['zerocopy', 'copied', 'retry', 'refused', 'denied', 'failed'] as const;
export const COPY_REASONS = [
  'none',
  'source_copies',
  'source_dax',
  'source_socket_without_splice',
  'sink_regular_file',
  'sink_copies',
  'sink_socket_without_sg',
  'sink_tls',
  'sink_protocol',
  'copy_file_range_in_kernel',
  'vmsplice_to_user',
  'zc_notified_copied',
  'loopback',
] as const;
export const REFUSAL_REASONS = [
  'none',
  'source_cannot_splice',
  'sink_cannot_splice',
  'sink_append',
  'source_not_seekable',
  'no_pipe',
  'not_a_pipe',
  'not_regular',
  'cross_device',
  'not_supported',
  'no_syscall',
  'zero_size_source',
  'ring_iopoll',
  'zc_not_supported',
  'einval_other',
] as const;
export const RESOLUTIONS = ['cascaded', 'confirmed', 'presumed', 'abandoned'] as const;
export const TABLES = ['processes', 'flows', 'flows6', 'causes'] as const;

export type Mechanism = (typeof MECHANISMS)[number];
export type Outcome = (typeof OUTCOMES)[number];
export type CopyReason = (typeof COPY_REASONS)[number];
export type RefusalReason = (typeof REFUSAL_REASONS)[number];
export type Resolution = (typeof RESOLUTIONS)[number];
export type TableName = (typeof TABLES)[number];
