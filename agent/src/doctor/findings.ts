/** Facts about a host -> what they mean for observing it, and what to do. Pure. */
import { lossesOf, missingCapabilities } from '../kernel/privileges.ts';
import { BTF_REMEDY, PRIVILEGE_REMEDY, TRACEFS_REMEDY } from '../kernel/remedies.ts';
import { DIRECTORIES, type Facts, TEXTS } from './facts.ts';

export interface Finding {
  /** What was looked at: a word or two, unique. */
  readonly name: string;
  /** `degraded`: something is not seen, the rest is; `missing`: nothing is counted without it. */
  readonly state: 'ok' | 'degraded' | 'missing';
  /** What was found. */
  readonly detail: string;
  /** What to do about it; '' where there is nothing to do. */
  readonly remedy: string;
}

/** The probes, tried: each as it stands, or why none could be tried. */
export type Probes =
  | readonly { readonly name: string; readonly hook: string; readonly state: string; readonly reason: string }[]
  | { readonly failure: string };

/** Every requirement, in the order in which one would mend them. */
export function findingsOf(facts: Facts, probes: Probes): Finding[] {
  return [
    architecture(facts),
    types(facts),
    tracefs(facts),
    privilege(facts, probes),
    evidence(facts),
    bpffs(facts),
    appArmor(facts),
    lockdown(facts),
    pidNamespace(facts),
    rings(facts),
    foreignPrograms(facts),
    ...probeFindings(probes),
  ];
}

const ok = (name: string, detail: string): Finding => ({ name, state: 'ok', detail, remedy: '' });

/** Where the registers of a system call are known (bpf/kernel.h). */
const ARCHITECTURES = ['x64', 'arm64'];

function architecture({ architecture: arch, kernel }: Facts): Finding {
  if (ARCHITECTURES.includes(arch)) return ok('kernel', `Linux ${kernel} on ${arch}`);
  return { name: 'kernel', state: 'missing', detail: `${arch} is not supported`, remedy: 'run on x86-64 or arm64' };
}

function types({ directories }: Facts): Finding {
  if (directories.get(DIRECTORIES.btf) === true) return ok('types', `${DIRECTORIES.btf}/vmlinux is there`);
  return {
    name: 'types',
    state: 'missing',
    detail: `${DIRECTORIES.btf}/vmlinux is missing: the probes are fitted to the kernel by its types`,
    remedy: BTF_REMEDY,
  };
}

function tracefs(facts: Facts): Finding {
  const { directories } = facts;
  const place = [DIRECTORIES.tracing, DIRECTORIES.debugTracing].find((path) => directories.get(path) === true);
  if (place !== undefined) return ok('tracefs', `${place.replace(/\/events.*/, '')} has the system calls`);
  // within debugfs it is forbidden wherever debugfs is, which everybody has
  if (facts.forbidden.has(DIRECTORIES.tracing)) {
    return {
      name: 'tracefs',
      state: 'missing',
      detail: 'it is mounted, but this process may not look into it',
      remedy: `${PRIVILEGE_REMEDY}, or give CAP_DAC_READ_SEARCH`,
    };
  }
  return {
    name: 'tracefs',
    state: 'missing',
    detail: 'the tracepoints of system calls are not there',
    remedy: `${TRACEFS_REMEDY}; the kernel needs CONFIG_FTRACE_SYSCALLS=y`,
  };
}

function privilege({ texts }: Facts, probes: Probes): Finding {
  const missing = missingCapabilities(texts.get(TEXTS.status) ?? '', Number(texts.get(TEXTS.paranoid) ?? 0));
  if (missing.length === 0) return ok('privilege', 'this process may load and attach probes');
  const detail = `this process lacks ${missing.join(', ')}`;
  // What was tried knows better than what is generally asked for.
  if ('failure' in probes) return { name: 'privilege', state: 'missing', detail, remedy: PRIVILEGE_REMEDY };
  if (probes.every(({ state }) => state !== 'unavailable')) {
    return ok('privilege', `${detail}, which this host does not ask for: every probe could be attached`);
  }
  return { name: 'privilege', state: 'degraded', detail, remedy: PRIVILEGE_REMEDY };
}

function evidence({ texts }: Facts): Finding {
  const losses = lossesOf(texts.get(TEXTS.status) ?? '');
  if (losses.length === 0) return ok('evidence', 'processes of others may be looked into');
  return {
    name: 'evidence',
    state: 'degraded',
    detail: losses.map(({ capability, loss }) => `without ${capability} ${loss}`).join('; '),
    remedy: PRIVILEGE_REMEDY,
  };
}

/** No requirement of counting: only of what the agent leaves behind. */
function bpffs({ texts }: Facts): Finding {
  const isMounted = /^\S+ \/sys\/fs\/bpf bpf /m.test(texts.get(TEXTS.mounts) ?? '');
  return isMounted
    ? ok('bpffs', 'counts can be kept while no agent runs (persist)')
    : ok('bpffs', 'not mounted: persist has nothing to keep counts in (mount -t bpf bpf /sys/fs/bpf)');
}

/** What runtimes confine containers by that are given no profile: docker's, containerd's, CRI-O's and podman's. */
const PROFILE_OF_A_RUNTIME = /^(?:docker-default|cri-containerd\.apparmor\.d|crio-default|containers-default-.*)$/;

function appArmor({ texts }: Facts): Finding {
  const [, profile, mode] = /^(\S+) \((\w+)\)/.exec(texts.get(TEXTS.appArmor) ?? '') ?? [];
  if (profile === undefined || mode !== 'enforce') return ok('AppArmor', 'it forbids nothing');
  if (!PROFILE_OF_A_RUNTIME.test(profile)) {
    return ok('AppArmor', `profile ${profile}: it has to allow bpf(), /sys/fs/bpf and looking into processes (ptrace)`);
  }
  return {
    name: 'AppArmor',
    state: 'degraded',
    detail:
      `profile ${profile}, whatever the capabilities: nothing can be kept in /sys/fs/bpf while no agent runs, and evidence ` +
      'cannot be collected from processes',
    remedy: 'run unconfined (docker run --security-opt apparmor=unconfined; Kubernetes: appArmorProfile: Unconfined)',
  };
}

function lockdown({ texts }: Facts): Finding {
  const mode = /\[(\w+)\]/.exec(texts.get(TEXTS.lockdown) ?? '')?.[1] ?? 'none';
  if (mode !== 'confidentiality') return ok('lockdown', `mode ${mode}`);
  return {
    name: 'lockdown',
    state: 'missing',
    detail: 'the kernel is locked down for confidentiality: no program may read its memory',
    remedy: 'boot with lockdown=integrity, or without Secure Boot if the distribution couples the two',
  };
}

/** PROC_PID_INIT_INO (include/linux/proc_ns.h). */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

function pidNamespace({ pidNamespace: namespace }: Facts): Finding {
  if (namespace === FIRST_PID_NAMESPACE) return ok('processes', 'all of the host are seen');
  return {
    name: 'processes',
    state: 'degraded',
    detail:
      'this is a pid namespace of its own: attempts of the whole host are counted, but refusals that processes outside ' +
      'left pending are not ended, and evidence cannot be collected from them',
    remedy: 'run in the namespace of the host (docker run --pid=host; Kubernetes: hostPID: true)',
  };
}

/** Values of kernel.io_uring_disabled (6.6 and newer). */
function rings({ texts }: Facts): Finding {
  const value = texts.get(TEXTS.ringsDisabled)?.trim() ?? '0';
  if (value === '0') return ok('io_uring', 'processes may set up rings');
  const who = value === '1' ? 'only kernel.io_uring_group and privileged processes may' : 'no process may';
  return ok('io_uring', `${who} set up rings (kernel.io_uring_disabled=${value}): refusals are counted by process`);
}

/** How many are named. */
const MOST_NAMED = 5;

function foreignPrograms({ foreign, texts, architecture: arch }: Facts): Finding {
  if (foreign.length > 0) {
    const named = foreign.slice(0, MOST_NAMED).map(({ pid, comm }) => `${comm} (${String(pid)})`);
    const more = foreign.length > MOST_NAMED ? ` and ${String(foreign.length - MOST_NAMED)} more` : '';
    return {
      name: '32-bit programs',
      state: 'degraded',
      detail: `${named.join(', ')}${more}: their system calls do not reach these tracepoints, on no kernel, and are not counted`,
      remedy: 'replace them by 64-bit builds, or leave them out of what you conclude',
    };
  }
  if (arch === 'x64' && texts.get(TEXTS.vsyscall32) === null) return ok('32-bit programs', 'this kernel runs none');
  return ok('32-bit programs', 'none is running that we may look at; their calls would not be counted');
}

function probeFindings(probes: Probes): Finding[] {
  if ('failure' in probes) {
    return [
      {
        name: 'probes',
        state: 'missing',
        detail: probes.failure,
        remedy: 'mend what is missing above, then try again',
      },
    ];
  }
  const tried = probes.filter(({ state }) => state !== 'off');
  const rowsOf = (program: string) => tried.filter(({ name }) => name === program).length;
  return tried.map((probe) =>
    probeFinding(`probe ${probe.name}${rowsOf(probe.name) > 1 ? ` ${probe.hook}` : ''}`, probe),
  );
}

/** Attached where it was meant to be, attached where it could be (then there is a reason), or not at all. */
function probeFinding(name: string, { hook, state, reason }: Extract<Probes, readonly unknown[]>[number]): Finding {
  if (state !== 'attached') {
    return {
      name,
      state: 'degraded',
      detail: `${hook} could not be attached, what it sees is missing: ${reason}`,
      remedy: 'docs/architecture.md tells what each probe sees',
    };
  }
  if (reason === '') return ok(name, hook);
  return {
    name,
    state: 'degraded',
    detail: `${hook} ${reason}`,
    remedy: 'mend what stands in the way of tracepoints, or leave it so if seccomp denies nothing here',
  };
}
