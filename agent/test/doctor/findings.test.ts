import { describe, expect, it } from 'vitest';
import { DIRECTORIES, type Facts, TEXTS } from '../../src/doctor/facts.ts';
import { type Finding, findingsOf, type Probes } from '../../src/doctor/findings.ts';
import { renderFindings } from '../../src/cli/render/doctor.ts';

const ALL = '000001ffffffffff';
const status = (capabilities: string): string => `Name:\tspillway\nCapEff:\t${capabilities}\n`;

/** A host of which all is seen. */
const HEALTHY: Facts = {
  architecture: 'x64',
  kernel: '6.12.1',
  texts: new Map<string, string | null>([
    [TEXTS.status, status(ALL)],
    [TEXTS.paranoid, '2\n'],
    [TEXTS.mounts, 'proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw,relatime 0 0\n'],
    [TEXTS.lockdown, '[none] integrity confidentiality\n'],
    [TEXTS.ringsDisabled, '0\n'],
    [TEXTS.vsyscall32, '1\n'],
  ]),
  pidNamespace: 'pid:[4026531836]',
  directories: new Map([
    [DIRECTORIES.btf, true],
    [DIRECTORIES.tracing, true],
    [DIRECTORIES.debugTracing, false],
  ]),
  forbidden: new Set(),
  foreign: [],
};
const PROBES: Probes = [
  { name: 'attempt_exit', hook: 'tp/syscalls/sys_exit_{splice,tee}', state: 'attached', reason: '' },
  { name: 'process_fork', hook: 'tp_btf/sched_process_fork', state: 'off', reason: 'not needed here' },
];

const withText = (path: string, text: string | null): Facts => ({
  ...HEALTHY,
  texts: new Map([...HEALTHY.texts, [path, text]]),
});
const withDirectory = (...changes: readonly [string, boolean][]): Facts => ({
  ...HEALTHY,
  directories: new Map([...HEALTHY.directories, ...changes]),
});
const finding = (name: string, facts: Facts, probes: Probes = PROBES): Finding | undefined =>
  findingsOf(facts, probes).find((each) => each.name === name);

it('a host that can be observed in full is ok in every line, and asks for nothing', () => {
  const findings = findingsOf(HEALTHY, PROBES);
  expect(findings.map(({ name, state, remedy }) => [name, state, remedy])).toEqual(
    [
      'kernel',
      'types',
      'tracefs',
      'privilege',
      'evidence',
      'bpffs',
      'AppArmor',
      'lockdown',
      'processes',
      'io_uring',
      '32-bit programs',
      'probe attempt_exit',
    ].map((name) => [name, 'ok', '']),
  );
  expect(renderFindings(findings).at(-1)).toBe('this host can be observed in full');
});

describe('what is missing is named with its remedy', () => {
  it.each<[string, Facts, string, string]>([
    ['kernel', { ...HEALTHY, architecture: 'riscv64' }, 'riscv64', 'x86-64 or arm64'],
    ['types', withDirectory([DIRECTORIES.btf, false]), 'vmlinux is missing', 'CONFIG_DEBUG_INFO_BTF=y'],
    ['tracefs', withDirectory([DIRECTORIES.tracing, false]), 'not there', 'mount -t tracefs'],
    [
      'lockdown',
      withText(TEXTS.lockdown, 'none integrity [confidentiality]\n'),
      'confidentiality',
      'lockdown=integrity',
    ],
  ])('%s', (name, facts, detail, remedy) => {
    const found = finding(name, facts);
    expect(found?.state).toBe('missing');
    expect(found?.detail).toContain(detail);
    expect(found?.remedy).toContain(remedy);
    expect(findingsOf(facts, PROBES).filter(({ state }) => state !== 'ok')).toHaveLength(1);
  });

  it('tracefs that may not be looked into is not said to be unmounted', () => {
    const facts: Facts = {
      ...withDirectory([DIRECTORIES.tracing, false]),
      forbidden: new Set([DIRECTORIES.tracing, DIRECTORIES.debugTracing]),
    };
    expect(finding('tracefs', facts)?.detail).toBe('it is mounted, but this process may not look into it');
    expect(finding('tracefs', facts)?.remedy).toContain('CAP_DAC_READ_SEARCH');
    const unmounted = { ...facts, forbidden: new Set([DIRECTORIES.debugTracing]) };
    expect(finding('tracefs', unmounted)?.remedy).toContain('mount -t tracefs');
  });

  it('tracefs within debugfs serves as well', () => {
    const facts = withDirectory([DIRECTORIES.tracing, false], [DIRECTORIES.debugTracing, true]);
    expect(finding('tracefs', facts)).toEqual({
      name: 'tracefs',
      state: 'ok',
      detail: '/sys/kernel/debug/tracing has the system calls',
      remedy: '',
    });
  });

  it('probes that could not even be tried', () => {
    expect(finding('probes', HEALTHY, { failure: 'EPERM' })).toMatchObject({ state: 'missing', detail: 'EPERM' });
  });
});

describe('privileges', () => {
  const FAILED: Probes = { failure: 'EPERM' };
  const without = (...bits: readonly bigint[]): string =>
    status(bits.reduce((mask, bit) => mask & ~(1n << bit), BigInt(`0x${ALL}`)).toString(16));

  it('are missing where nothing can be attached without them', () => {
    const found = finding('privilege', withText(TEXTS.status, status('0')), FAILED);
    expect(found).toMatchObject({
      state: 'missing',
      detail: 'this process lacks CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH',
    });
    expect(found?.remedy).toContain('sudo');
  });

  it('are judged by what was tried: Debian’s paranoia asks for more, other kernels of that setting do not', () => {
    const facts = withText(TEXTS.status, without(21n));
    expect(finding('privilege', facts, FAILED)?.state).toBe('ok');
    const paranoid: Facts = { ...facts, texts: new Map([...facts.texts, [TEXTS.paranoid, '3\n']]) };
    expect(finding('privilege', paranoid, FAILED)).toMatchObject({
      state: 'missing',
      detail: 'this process lacks CAP_SYS_ADMIN',
    });
    expect(finding('privilege', paranoid)).toMatchObject({ state: 'ok', remedy: '' });
    const partly: Probes = [...PROBES, { name: 'x', hook: 'tp/x', state: 'unavailable', reason: 'EACCES' }];
    expect(finding('privilege', paranoid, partly)?.state).toBe('degraded');
  });

  it('that only evidence needs cost evidence, and no count', () => {
    expect(finding('evidence', withText(TEXTS.status, without(19n)))).toMatchObject({
      state: 'degraded',
      detail: expect.stringMatching(/^without CAP_SYS_PTRACE the open files/) as string,
    });
    expect(finding('privilege', withText(TEXTS.status, without(19n)))?.state).toBe('ok');
    expect(finding('evidence', withText(TEXTS.status, without(1n, 2n)))?.detail).toMatch(
      /^without CAP_DAC_READ_SEARCH /,
    );
    expect(finding('evidence', withText(TEXTS.status, without(2n)))?.state).toBe('ok');
  });
});

describe('what is not seen is degraded', () => {
  it('a probe that is not where it would see all, told apart from its kin by its hook', () => {
    const reason = 'in place of the tracepoint, and blind to what seccomp denies: tracefs is not mounted';
    const probes: Probes = ['fexit/a', 'fexit/b'].map((hook) => ({ name: 'x_exit', hook, state: 'attached', reason }));
    expect(finding('probe x_exit fexit/b', HEALTHY, probes)).toMatchObject({
      state: 'degraded',
      detail: `fexit/b ${reason}`,
    });
    expect(finding('probe x_exit', HEALTHY, probes)).toBeUndefined();
  });

  it('a probe that could not be attached', () => {
    const probes: Probes = [{ name: 'x_exit', hook: 'tp/x', state: 'unavailable', reason: 'ENOENT' }];
    expect(finding('probe x_exit', HEALTHY, probes)).toMatchObject({
      state: 'degraded',
      detail: 'tp/x could not be attached, what it sees is missing: ENOENT',
    });
  });

  it('a pid namespace of its own', () => {
    const found = finding('processes', { ...HEALTHY, pidNamespace: 'pid:[4026532290]' });
    expect(found?.state).toBe('degraded');
    expect(found?.remedy).toContain('--pid=host');
  });

  it('32-bit programs, the first five by name', () => {
    const foreign = Array.from({ length: 7 }, (_, i) => ({ pid: 10 + i, comm: `old${String(i)}` }));
    expect(finding('32-bit programs', { ...HEALTHY, foreign })?.detail).toMatch(
      /^old0 \(10\), old1 \(11\), old2 \(12\), old3 \(13\), old4 \(14\) and 2 more: .*not counted$/,
    );
    expect(finding('32-bit programs', { ...HEALTHY, foreign: foreign.slice(0, 1) })?.detail).toMatch(/^old0 \(10\): /);
  });
});

it('rings and 32-bit programs that the kernel does not allow are told, and are no fault', () => {
  expect(finding('io_uring', withText(TEXTS.ringsDisabled, '2\n'))?.detail).toContain(
    'no process may set up rings (kernel.io_uring_disabled=2)',
  );
  expect(finding('io_uring', withText(TEXTS.ringsDisabled, '1\n'))?.detail).toContain('io_uring_group');
  expect(finding('io_uring', withText(TEXTS.ringsDisabled, null))?.detail).toBe('processes may set up rings');
  expect(finding('32-bit programs', withText(TEXTS.vsyscall32, null))?.detail).toBe('this kernel runs none');
});

describe('the report', () => {
  it('says what to do below what is not ok, within 80 columns, and what it comes to', () => {
    const facts: Facts = { ...HEALTHY, pidNamespace: '', foreign: [{ pid: 7, comm: 'evil\u001b[31m' }] };
    const lines = renderFindings(findingsOf(facts, PROBES));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.join('\n')).not.toContain('\u001b');
    expect(lines.filter((line) => line.trimStart().startsWith('-> '))).toHaveLength(2);
    expect(lines.at(-1)).toBe('this host can be observed, but for what 2 lines above tell');
  });

  it('counts one in the singular', () => {
    const one = renderFindings(findingsOf({ ...HEALTHY, pidNamespace: '' }, PROBES));
    expect(one.at(-1)).toBe('this host can be observed, but for what 1 line above tells');
    const missing = renderFindings(findingsOf(withDirectory([DIRECTORIES.btf, false]), PROBES));
    expect(missing.at(-1)).toBe('1 requirement missing: nothing can be counted until that is mended');
  });
});

it.each([
  ['bpf /sys/fs/bpf bpf rw 0 0\n', 'counts can be kept'],
  ['none /sys/fs/bpf tmpfs rw 0 0\n', 'not mounted'],
  ['bpf /mnt/bpf bpf rw 0 0\n', 'not mounted'],
  [null, 'not mounted'],
])('bpffs, as mounts say: %j', (mounts, detail) => {
  expect(finding('bpffs', withText(TEXTS.mounts, mounts))).toMatchObject({ state: 'ok', remedy: '' });
  expect(finding('bpffs', withText(TEXTS.mounts, mounts))?.detail).toContain(detail);
});

it.each([
  ['unconfined\n', 'ok', 'forbids nothing'],
  [null, 'ok', 'forbids nothing'],
  ['docker-default (complain)\n', 'ok', 'forbids nothing'],
  ['/usr/bin/spillway (enforce)\n', 'ok', 'profile /usr/bin/spillway: it has to allow bpf()'],
  ['docker-default (enforce)\n', 'degraded', 'profile docker-default, whatever the capabilities'],
  ['cri-containerd.apparmor.d (enforce)', 'degraded', 'profile cri-containerd.apparmor.d'],
])('AppArmor, as it confines this process: %j', (text, state, detail) => {
  const found = finding('AppArmor', withText(TEXTS.appArmor, text));
  expect(found?.state).toBe(state);
  expect(found?.detail).toContain(detail);
  expect(found?.remedy).toMatch(state === 'ok' ? /^$/ : /apparmor=unconfined/);
});
