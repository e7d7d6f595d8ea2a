/** Names of cgroups -> the systemd unit or the container that people know. */

/** Container managers by how they begin the names of their cgroups. */
const MANAGERS: Readonly<Record<string, string>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  nerdctl: 'containerd',
  libpod: 'podman',
  crio: 'crio',
};

/** As much of a container's id as its manager shows. */
const ID = '([0-9a-f]{12})[0-9a-f]{52}';
const managers = Object.keys(MANAGERS).join('|');
/** `docker-<id>.scope`; without `.scope` where systemd is not asked. */
const SCOPE = new RegExp(`^(${managers})-${ID}(?:\\.scope)?$`);
const BARE_ID = new RegExp(`^${ID}$`);
/**
 * A path as systemd's driver wants it, given to the other one: `kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>`. It is
 * longer than a name that the probes keep: of the id there are 14 digits or more.
 */
const COLONS = new RegExp(`^[^:]+\\.slice:(${managers}):([0-9a-f]{12})[0-9a-f]*…?$`);
/** LXC 4 and newer, LXD, Incus. */
const LXC = /^lxc\.(?:payload|monitor)\.(.+)$/su;
/** Before LXC 4, and Proxmox. */
const LXC_PARENT = /^lxc(?:\.payload|\.monitor)?$/;
/** Registered with systemd-machined: nspawn, libvirt. Such a machine has units of its own inside. */
const MACHINE = /^(?:machine-.+\.scope|systemd-nspawn@.+\.service)$/su;
const POD = /^pod[0-9a-f][0-9a-f-]+$/;
const PODS: ReadonlySet<string> = new Set(['kubepods', 'burstable', 'besteffort']);
const UNIT = /^.+\.(?:service|scope|socket|mount|swap)$/su;

/** Longer than any that the probes keep. */
const MOST_CHARACTERS = 128;

/**
 * The workload of a process from the names of its cgroup, that one's own first, then its parents': `nginx.service`,
 * `docker:0123456789ab`, '' if they say nothing. Containers go before the units within them, and inner ones before outer ones.
 * Names are what others chose; a name that ends in `…` was cut there. The result is valid Unicode of at most 128 characters.
 */
export function workloadUnit(names: readonly string[]): string {
  const container = first(names, (name, i) => containerOf(name, names.slice(i + 1)));
  const unit = container || first(names, (name, i) => unitOf(name, names[i + 1] ?? ''));
  return unit.slice(0, MOST_CHARACTERS).toWellFormed();
}

function first(names: readonly string[], judge: (name: string, i: number) => string): string {
  for (const [i, name] of names.entries()) {
    const result = judge(name, i);
    if (result !== '') return result;
  }
  return '';
}

function containerOf(name: string, [parent = '', grandparent = '']: readonly string[]): string {
  const [, manager = '', id = ''] = SCOPE.exec(name) ?? COLONS.exec(name) ?? [];
  if (id !== '') return `${MANAGERS[manager] ?? manager}:${id}`;
  const [, bare] = BARE_ID.exec(name) ?? [];
  if (bare !== undefined) {
    // the kubelet without systemd's driver: CRI-O's ids begin with its name, and Docker has not been one of the others since 1.24
    const inPod = POD.test(parent) && PODS.has(grandparent);
    return `${parent === 'docker' ? 'docker' : inPod ? 'containerd' : 'container'}:${bare}`;
  }
  const [, lxc = LXC_PARENT.test(parent) ? name : ''] = LXC.exec(name) ?? [];
  if (lxc !== '') return `lxc:${lxc}`;
  return MACHINE.test(name) ? unescape(name) : '';
}

function unitOf(name: string, parent: string): string {
  // the manager of what stands beside it, which is what people know; init of the host has nothing around it
  if (name === 'init.scope' && parent !== '') return '';
  // cut, so its kind is gone, but slices hold units and slices alone, and a slice says nothing more
  if (name.endsWith('…') && parent.endsWith('.slice') && name !== '…') return unescape(name);
  return UNIT.test(name) ? unescape(name) : '';
}

/**
 * A unit's name as people write it. systemd puts `_` before names that the kernel could take for its own files (cg_escape()), and
 * writes `\x2d` for characters that have a meaning in names; control characters stay so.
 */
function unescape(name: string): string {
  const bytes = Buffer.from(name.replace(/^_/, ''));
  const text = bytes.toString('latin1').replace(/\\x([0-9a-f]{2})/g, (escaped, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code < 0x20 || code === 0x7f ? escaped : String.fromCharCode(code);
  });
  return Buffer.from(text, 'latin1').toString('utf8');
}
