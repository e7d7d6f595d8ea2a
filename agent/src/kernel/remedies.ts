/** What to do where a host lacks something: said when it stops the agent, and by `doctor`. */

/** No types in /sys/kernel/btf. */
export const BTF_REMEDY = 'run a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian: since 11), with sysfs mounted';

/** No tracefs. */
export const TRACEFS_REMEDY =
  'mount it with: mount -t tracefs tracefs /sys/kernel/tracing (systemd hosts: systemctl start sys-kernel-tracing.mount)';

/** `hooks: fexit`, and the kernel has nothing of it. */
export const FEXIT_REMEDY =
  'set hooks to auto or tracepoint, or run a kernel that allows it (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y, not locked down)';

/** A capability is missing. */
export const PRIVILEGE_REMEDY = 'run as root, e.g. with sudo; in a container, give what it lacks with --cap-add';

/** A kernel lacks what every probe needs. */
export const KERNEL_REMEDY = 'run Linux 6.1 or newer';
