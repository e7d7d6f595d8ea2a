import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workloadUnit } from '../../src/enrich/workload-unit.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER_ID = 'fedcba9876543210'.repeat(4);

/** The names as the probes keep them: of the last four, the innermost first. */
const unitAt = (path: string): string => workloadUnit(path.split('/').slice(-4).reverse());

describe('workloadUnit', () => {
  it.each([
    // systemd
    ['system.slice/nginx.service', 'nginx.service'],
    ['system.slice/system-postgresql.slice/postgresql@15-main.service', 'postgresql@15-main.service'],
    ['a.slice/a-b.slice/a-b-c.slice/deep.service', 'deep.service'],
    ['system.slice/delegating.service/worker/7', 'delegating.service'],
    ['system.slice/ssh.socket', 'ssh.socket'],
    ['system.slice/srv-data.mount', 'srv-data.mount'],
    ['system.slice/swapfile.swap', 'swapfile.swap'],
    ['init.scope', 'init.scope'],
    ['user.slice/user-1000.slice/session-3.scope', 'session-3.scope'],
    ['user.slice/user-1000.slice/user@1000.service/app.slice/app-foo.service', 'app-foo.service'],
    ['user.slice/user-1000.slice/user@1000.service/session.slice', 'user@1000.service'],
    ['user.slice/user-1000.slice/user@1000.service/init.scope', 'user@1000.service'],
    ['system.slice/systemd-fsck@dev-disk-by\\x2duuid-1a.service', 'systemd-fsck@dev-disk-by-uuid-1a.service'],
    ['system.slice/caf\\xc3\\xa9.service', 'café.service'],
    ['system.slice/_memory.service', 'memory.service'],
    [`system.slice/${'x'.repeat(95)}…`, `${'x'.repeat(95)}…`],
    // containers by systemd
    [`system.slice/docker-${ID}.scope`, 'docker:0123456789ab'],
    [`machine.slice/libpod-${ID}.scope/container`, 'podman:0123456789ab'],
    [`user.slice/user@1000.service/user.slice/libpod-${ID}.scope`, 'podman:0123456789ab'],
    [`system.slice/nerdctl-${ID}.scope`, 'containerd:0123456789ab'],
    [
      `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-${ID}.scope`,
      'containerd:0123456789ab',
    ],
    [`kubepods.slice/kubepods-pod1_2.slice/crio-${ID}.scope/container`, 'crio:0123456789ab'],
    [`system.slice/kubepods-besteffort-pod0123abcd_0123.slice:cri-containerd:${ID}`, 'containerd:0123456789ab'],
    [
      'system.slice/kubepods-besteffort-pod0123abcd_0123.slice:cri-containerd:0123456789abcd…',
      'containerd:0123456789ab',
    ],
    [`system.slice:docker:${ID}`, 'docker:0123456789ab'],
    // containers without systemd
    [`docker/${ID}`, 'docker:0123456789ab'],
    [`kubepods/burstable/pod0a1b-2c/${ID}`, 'containerd:0123456789ab'],
    [`kubepods/burstable/pod0a1b-2c/${ID}/inner`, 'containerd:0123456789ab'],
    [`kubepods/besteffort/pod0a1b-2c/${ID}/inner`, 'containerd:0123456789ab'],
    [`kubepods/pod0a1b-2c/${ID}`, 'containerd:0123456789ab'],
    [`kubepods/burstable/pod0a1b-2c/crio-${ID}`, 'crio:0123456789ab'],
    [`libpod_parent/libpod-${ID}`, 'podman:0123456789ab'],
    [`ecs/0123456789abcdef/${ID}`, 'container:0123456789ab'],
    [`other/pod0a1b-2c/${ID}`, 'container:0123456789ab'],
    [`kubepods/burstable/other/${ID}`, 'container:0123456789ab'],
    [`kubepods/podium/${ID}`, 'container:0123456789ab'],
    ['lxc/web', 'lxc:web'],
    ['lxc/web/init.scope', 'lxc:web'],
    ['lxc.payload/web', 'lxc:web'],
    ['lxc.monitor/web', 'lxc:web'],
    ['lxc.payload.web.1/system.slice/nginx.service', 'lxc:web.1'],
    ['lxc.monitor.web', 'lxc:web'],
    // machines
    ['machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator', 'machine-qemu-1-vm.scope'],
    ['machine-debian.scope/payload/system.slice/nginx.service', 'machine-debian.scope'],
    ['systemd-nspawn@debian.service/payload/system.slice/nginx.service', 'systemd-nspawn@debian.service'],
    // a container goes before the units in it, and the inner one of two before the outer one
    [`docker-${ID}.scope/system.slice/nginx.service`, 'docker:0123456789ab'],
    [`docker-${ID}.scope/init.scope`, 'docker:0123456789ab'],
    [`docker/${ID}/docker/${OTHER_ID}`, 'docker:fedcba987654'],
  ])('%s is %s', (path, unit) => {
    expect(unitAt(path)).toBe(unit);
  });

  it.each([
    '',
    'user.slice/user-1000.slice',
    'mine/work',
    'mine/init.scope',
    '.service',
    'nginx.service.bak',
    'nginx.service\n',
    `system.slice/docker-${ID}`.slice(0, -1),
    `docker/${ID}0`,
    `docker/${ID.toUpperCase()}`,
    `docker-${ID}.scope.d`,
    `x-docker-${ID}`,
    `rkt-${ID}`,
    'docker-0123456789ab',
    'lxc',
    'lxc.payload',
    'lxc.payload.',
    'machine.slice',
    `mine/${'x'.repeat(95)}…`,
    'system.slice/…',
  ])('%j says nothing', (path) => {
    expect(unitAt(path)).toBe('');
  });

  it('does not take a scope for a container whose id it does not have', () => {
    expect(unitAt(`system.slice/docker-${ID.slice(1)}.scope`)).toBe(`docker-${ID.slice(1)}.scope`);
    expect(unitAt(`machine.slice/libpod-conmon-${ID}.scope`)).toBe(`libpod-conmon-${ID}.scope`);
  });

  it('leaves escapes of control characters, and those that are none, as they are', () => {
    expect(unitAt('a\\x0ab\\x7f\\x00\\xZZ\\x2.service')).toBe('a\\x0ab\\x7f\\x00\\xZZ\\x2.service');
    expect(unitAt('a\\x5cx2d.service')).toBe('a\\x2d.service');
  });

  it('is valid Unicode whatever the escapes stand for', () => {
    expect(unitAt('a\\xff\ud800.service')).toBe('a\ufffd\ufffd.service');
  });

  it('is bounded, valid Unicode, and never throws', () => {
    const piece = fc.constantFrom(
      'docker',
      'docker-',
      'lxc.payload.',
      '.service',
      '.scope',
      '.slice',
      '\\xff',
      '\\x',
      '…',
      ID,
      '_',
    );
    const name = fc.array(fc.oneof(piece, fc.string({ unit: 'binary' }), fc.constant('\ud83d')), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        const unit = workloadUnit(names.map((parts) => parts.join('')));
        expect(unit.length).toBeLessThanOrEqual(128);
        expect(unit.isWellFormed()).toBe(true);
      }),
    );
  });

  it('cuts no character in two', () => {
    expect(workloadUnit([`${'x'.repeat(127)}😀.service`])).toBe(`${'x'.repeat(127)}\ufffd`);
  });
});
