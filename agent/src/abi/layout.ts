// Generated from the BTF of the BPF object by scripts/generate-layout.ts: do not edit.

export const LAYOUT_HASH = 'd3a3cad19a50c010';

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
        reserved: {
          offset: 80,
          size: 48,
          elements: 48,
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
        reserved: {
          offset: 104,
          size: 24,
          elements: 24,
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
    process_record: {
      size: 768,
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
        reserved: {
          offset: 32,
          size: 8,
          elements: null,
        },
        comm: {
          offset: 40,
          size: 16,
          elements: 16,
        },
        reserved2: {
          offset: 56,
          size: 8,
          elements: null,
        },
        rings: {
          offset: 64,
          size: 64,
          elements: null,
        },
        'rings.enters': {
          offset: 64,
          size: 8,
          elements: null,
        },
        'rings.submitted': {
          offset: 72,
          size: 8,
          elements: null,
        },
        'rings.setups': {
          offset: 80,
          size: 8,
          elements: null,
        },
        'rings.cq_overflows': {
          offset: 88,
          size: 8,
          elements: null,
        },
        'rings.reserved': {
          offset: 96,
          size: 32,
          elements: 4,
        },
        mechanisms: {
          offset: 128,
          size: 640,
          elements: 10,
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
      size: 24,
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
        reserved: {
          offset: 32,
          size: 32,
          elements: 4,
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
        flow6_hint: {
          offset: 12,
          size: 4,
          elements: null,
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
    cause_kind: {
      NONE: 0,
      ERRNO: 1,
      ENTER_ERRNO: 2,
      SETUP_ERRNO: 3,
      ASYNC_WORK: 4,
      KIND_COUNT: 5,
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
      FIRST: 2,
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
    },
    process_flag: {
      IGNORED: 1,
      TRACKED: 2,
      TRACKS_CHILDREN: 4,
    },
  },
  variables: {
    process_capacity: {
      section: '.rodata',
      offset: 0,
      size: 4,
    },
    flow_capacity: {
      section: '.rodata',
      offset: 4,
      size: 4,
    },
    flow6_capacity: {
      section: '.rodata',
      offset: 8,
      size: 4,
    },
    cause_capacity: {
      section: '.rodata',
      offset: 12,
      size: 4,
    },
    tracked_only: {
      section: '.rodata',
      offset: 16,
      size: 1,
    },
    events_lost: {
      section: '.bss',
      offset: 0,
      size: 8,
    },
    forks_lost: {
      section: '.bss',
      offset: 8,
      size: 8,
    },
    shared_types: {
      section: '.bss',
      offset: 16,
      size: 8,
    },
  },
} as const;

/** Names of enum mechanism and enum outcome, in the order of their values. */
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
export const TABLES = ['processes', 'flows', 'flows6', 'causes'] as const;

export type Mechanism = (typeof MECHANISMS)[number];
export type Outcome = (typeof OUTCOMES)[number];
export type TableName = (typeof TABLES)[number];
