/**
 * What each reason and each way of ending means, and what to do about it: for somebody who reads it at night, on one line of a
 * terminal each. docs/outcomes.md has the long version.
 */
import type { CopyReason, RefusalReason, Resolution } from '../abi/layout.ts';

export interface Advice {
  readonly meaning: string;
  readonly remedy: string;
}

const NO_REASON: Advice = {
  meaning: 'a reason that this version does not know',
  remedy: 'use the same version of spillway for the daemon and the command line',
};

/** Why bytes were copied although the call succeeded. */
export const COPY_ADVICE: Readonly<Record<CopyReason, Advice>> = {
  none: NO_REASON,
  source_copies: {
    meaning: 'proc, sysfs, devices have no pages to share',
    remedy: 'nothing to gain for such files; serve real data from a regular file',
  },
  source_dax: {
    meaning: 'persistent memory (DAX) has no page cache to share',
    remedy: 'mount with dax=never if sendfile matters more than mmap, else leave it',
  },
  source_socket_without_splice: {
    meaning: 'such sockets (UDP, unix datagram, vsock) hand over no pages',
    remedy: 'splice gains nothing here; TCP and unix stream sockets can be spliced',
  },
  sink_regular_file: {
    meaning: 'a write into the page cache copies, always',
    remedy: 'expected; copy_file_range on btrfs or xfs avoids it, so does O_DIRECT',
  },
  sink_copies: {
    meaning: 'a terminal or device takes bytes, not pages',
    remedy: 'expected; a pipe or a socket as sink takes pages',
  },
  sink_socket_without_sg: {
    meaning: 'the network device cannot gather pages (no SG)',
    remedy: 'ip route get PEER names the device, then: ethtool -K DEVICE sg on',
  },
  sink_tls: {
    meaning: 'the kernel encrypts (kTLS) into new pages',
    remedy: 'expected, and cheaper than TLS in user space; NIC offload would avoid it',
  },
  sink_protocol: {
    meaning: 'this protocol takes no pages (unix datagram, MPTCP, vsock ...)',
    remedy: 'use TCP or a unix stream socket; plain send costs the same here',
  },
  copy_file_range_in_kernel: {
    meaning: 'no reflinks: went through the page cache',
    remedy: 'expected on ext4 and tmpfs; btrfs or xfs with reflinks would not copy',
  },
  vmsplice_to_user: {
    meaning: 'the read end of a pipe: copied into user memory, by design',
    remedy: 'no gain over read; splice the pipe on to its destination instead',
  },
  zc_notified_copied: {
    meaning: 'the kernel reported that it copied after all',
    remedy: 'look for tcpdump, a local peer, veth or tun; ethtool -k DEVICE',
  },
  loopback: {
    meaning: 'packets for this host are copied on their way in',
    remedy: 'expected for local peers: plain send is cheaper; judge by a remote peer',
  },
};

/** Why the kernel said: not for these files, use other means. */
export const REFUSAL_ADVICE: Readonly<Record<RefusalReason, Advice>> = {
  none: NO_REASON,
  source_cannot_splice: {
    meaning: 'this kind of file hands over no pages',
    remedy: 'read it (most of /proc), or serve it from another filesystem',
  },
  sink_cannot_splice: {
    meaning: 'this kind of file takes no pages',
    remedy: 'expected: it has to be written; pipes, sockets, disk files take pages',
  },
  sink_append: {
    meaning: 'the sink is open with O_APPEND',
    remedy: 'open it without O_APPEND and seek to its end; in a shell > and not >>',
  },
  source_not_seekable: {
    meaning: 'sendfile reads only from what can seek',
    remedy: 'give it a regular file; splice takes pipes and sockets',
  },
  no_pipe: {
    meaning: 'splice needs a pipe on one side, neither file is one',
    remedy: 'use sendfile, or two splices with a pipe between them',
  },
  not_a_pipe: {
    meaning: 'tee and vmsplice need pipes, this is none',
    remedy: 'put a pipe there; in a shell: PROGRAM | cat > FILE',
  },
  not_regular: {
    meaning: 'copy_file_range needs two regular files',
    remedy: 'nothing if another call took over (as in Java); else sendfile or splice',
  },
  cross_device: {
    meaning: 'source and sink are on different filesystems',
    remedy: 'keep both on one, or use a program that goes on with sendfile',
  },
  not_supported: {
    meaning: 'filesystem or socket does not support the call',
    remedy: 'NFS needs 4.2, FUSE a server that implements it; or use a local disk',
  },
  no_syscall: {
    meaning: 'ENOSYS: seccomp, an old kernel, or a FUSE server',
    remedy: 'check the seccomp profile, then restart: many programs remember ENOSYS',
  },
  zero_size_source: {
    meaning: 'its size is 0 (proc, sysfs): nothing was copied',
    remedy: 'expected: it has to be read; taking 0 for the end makes empty copies',
  },
  ring_iopoll: {
    meaning: 'a ring for polled I/O takes no such request',
    remedy: 'give these requests a second ring without IORING_SETUP_IOPOLL',
  },
  zc_not_supported: {
    meaning: 'this socket sends only with a copy (unix, kTLS, sockmap)',
    remedy: 'use plain send (IORING_OP_SEND) there; TCP and UDP without kTLS can',
  },
  einval_other: {
    meaning: 'EINVAL, and neither file explains it',
    remedy: 'strace -f -y -p PID shows the arguments; else the filesystem has rules',
  },
};

/** What the application did after a refusal. */
export const RESOLUTION_MEANING: Readonly<Record<Resolution | 'pending', string>> = {
  cascaded: 'another zero-copy call followed',
  confirmed: 'seen to read or write instead',
  presumed: 'nothing else seen in time',
  abandoned: 'closed or ended without copying',
  pending: 'not known yet',
};

/** System calls that a policy forbade, by errno. */
export const DENIED_ADVICE: Readonly<Record<'EPERM' | 'EACCES', Advice>> = {
  EPERM: {
    meaning: 'a seccomp filter, a security module, or an immutable sink',
    remedy: 'grep Seccomp /proc/PID/status; the profile of container or unit; lsattr',
  },
  EACCES: {
    meaning: 'a security module, or a seccomp filter that answers so',
    remedy: "journalctl -k --grep 'avc|apparmor'; grep Seccomp /proc/PID/status",
  },
};

/** Requests of rings that a policy forbade, by errno: seccomp does not see them. */
export const DENIED_REQUEST_ADVICE: typeof DENIED_ADVICE = {
  EPERM: {
    meaning: 'an immutable or sealed sink, or a security module',
    remedy: "lsattr FILE (chattr -i ends it); else journalctl -k --grep 'avc|apparmor'",
  },
  EACCES: {
    meaning: 'the restrictions of the ring, or a security module',
    remedy: "its program restricted it; else journalctl -k --grep 'avc|apparmor'",
  },
};

/** Why io_uring_setup failed, by errno; those that are not here explain themselves (io_uring_setup(2)). */
export const SETUP_ADVICE: Readonly<Record<string, Advice>> = {
  EPERM: {
    meaning: 'sysctl kernel.io_uring_disabled, seccomp (Docker), a module',
    remedy: 'sysctl kernel.io_uring_disabled; seccomp profile; then restart it',
  },
  EACCES: {
    meaning: 'forbidden by a security module',
    remedy: "journalctl -k --grep 'avc|apparmor' shows denials; or ausearch -m avc",
  },
  ENOSYS: {
    meaning: 'a seccomp filter, or a kernel without io_uring',
    remedy: 'check the seccomp profile of container or unit; then restart it',
  },
  ENOMEM: {
    meaning: 'memory cgroup full (up to 5.11: the limit of locked memory)',
    remedy: 'memory.max and memory.events of the cgroup; LimitMEMLOCK=, ulimit -l',
  },
  EMFILE: {
    meaning: 'the process has no file descriptor left',
    remedy: 'LimitNOFILE= of the unit, ulimit -n; ls /proc/PID/fd | wc -l',
  },
  ENFILE: {
    meaning: 'the host has no file left',
    remedy: 'sysctl fs.file-nr fs.file-max',
  },
  EINVAL: {
    meaning: 'unknown flags or a bad size',
    remedy: 'no ring followed with less: the program needs a newer kernel',
  },
};

/** Why io_uring_enter failed, by errno; those that are not here explain themselves (io_uring_enter(2)). */
export const ENTER_ADVICE: Readonly<Record<string, Advice>> = {
  EAGAIN: {
    meaning: 'not one request could be allocated: memory',
    remedy: 'memory.max, .events, .pressure of the cgroup; never mind fs.aio-nr',
  },
  EBUSY: {
    meaning: 'completions wait for room in their queue',
    remedy: 'the program has to take them more often, or needs a larger queue',
  },
  EBADR: {
    meaning: 'completions were dropped for lack of memory',
    remedy: 'the program waits for them for ever: restart it, with a larger queue',
  },
  EOWNERDEAD: {
    meaning: 'the thread that polls for the ring (SQPOLL) is gone',
    remedy: 'restart the program',
  },
};

/** Completions that found their queue full. */
export const OVERFLOW_ADVICE: Advice = {
  meaning: 'taken too late, or too small a queue',
  remedy: 'CqOverflowList in /proc/PID/fdinfo; larger queue: IORING_SETUP_CQSIZE',
};

/** Zero-copy sends that were handed to a worker thread. For splice and tee that is the rule, and no remark. */
export const ASYNC_ADVICE: Advice = {
  meaning: 'the rule for splice and tee, but not for sends',
  remedy: 'sends: IOSQE_ASYNC or IOSQE_IO_DRAIN was set, or polling failed',
};
