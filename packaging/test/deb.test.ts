/** The Debian package: what is in it, and that it runs where nothing else is. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });

let directory = '';
let first = '';
let second = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-'));
  // packed quickly: how hard xz tries changes nothing else
  const env = { ...process.env, SPILLWAY_DEB_LEVEL: '0' };
  const build = (name: string, more: NodeJS.ProcessEnv, mask: string) => {
    const target = join(directory, name);
    const script = `umask ${mask} && exec '${ROOT}scripts/build-deb' ${ARCHITECTURE} '${target}'`;
    execFileSync('sh', ['-c', script], { cwd: '/', env: { ...env, ...more }, stdio: 'pipe' });
    return join(target, `spillway_${version}_${ARCHITECTURE}.deb`);
  };
  first = build('first', {}, '022');
  second = build('another', { TZ: 'Asia/Tokyo', LC_ALL: 'C', HOME: '/nonexistent' }, '077');
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

it('two builds are the same to the byte', () => {
  expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
});

it('it holds these files and no others, all of root, with these modes', () => {
  const entries = run('dpkg-deb', '--contents', first)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(/\s+/));
  expect(new Set(entries.map(([, owner]) => owner))).toEqual(new Set(['root/root']));
  expect(new Set(entries.filter(([mode]) => mode?.startsWith('d')).map(([mode]) => mode))).toEqual(
    new Set(['drwxr-xr-x']),
  );
  const files = entries
    .filter(([mode]) => !mode?.startsWith('d'))
    .map(([mode, , , , , name]) => `${mode ?? ''} ${name ?? ''}`);
  expect(files).toEqual([
    '-rw-r--r-- ./etc/spillway/config.yaml',
    '-rw-r--r-- ./lib/systemd/system/spillway.service',
    '-rwxr-xr-x ./usr/bin/spillway',
    '-rwxr-xr-x ./usr/lib/spillway/bin/node',
    '-rw-r--r-- ./usr/lib/spillway/build/agent/cli/agent.cache',
    '-rw-r--r-- ./usr/lib/spillway/build/agent/cli/agent.cjs',
    '-rw-r--r-- ./usr/lib/spillway/build/agent/cli/main.cjs',
    '-rw-r--r-- ./usr/lib/spillway/build/agent/web/password-thread.cjs',
    '-rw-r--r-- ./usr/lib/spillway/build/bpf/spillway.bpf.o',
    '-rw-r--r-- ./usr/lib/spillway/build/native/spillway.node',
    '-rw-r--r-- ./usr/lib/spillway/build/revision',
    '-rw-r--r-- ./usr/lib/spillway/package.json',
    '-rw-r--r-- ./usr/share/bash-completion/completions/spillway',
    '-rw-r--r-- ./usr/share/doc/spillway/changelog.gz',
    '-rw-r--r-- ./usr/share/doc/spillway/copyright',
    '-rw-r--r-- ./usr/share/fish/vendor_completions.d/spillway.fish',
    '-rw-r--r-- ./usr/share/lintian/overrides/spillway',
    '-rw-r--r-- ./usr/share/man/man1/spillway.1.gz',
    '-rw-r--r-- ./usr/share/zsh/vendor-completions/_spillway',
  ]);
});

it('it says what it is and needs: the C and C++ libraries in the versions that its files ask for, and nothing else', () => {
  const field = (name: string) => run('dpkg-deb', '--field', first, name).trim();
  expect(field('Version')).toBe(version);
  expect(field('Architecture')).toBe(ARCHITECTURE);
  expect(field('Depends')).toMatch(/^libc6 \(>= 2\.\d+\), libgcc-s1, libstdc\+\+6 \(>= \d+\)$/);
  expect(field('Recommends')).toBe('systemd');
  expect(Number(field('Installed-Size'))).toBeGreaterThan(80_000);
  expect(run('dpkg-deb', '--info', first, 'conffiles')).toBe('/etc/spillway/config.yaml\n');
});

it('lintian finds nothing wrong', () => {
  const { status, stdout } = spawnSync('lintian', ['--tag-display-limit', '0', '--fail-on', 'error,warning', first], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

it('for another architecture it is refused, and says where to build it', () => {
  const other = ARCHITECTURE === 'amd64' ? 'arm64' : 'amd64';
  const refused = spawnSync(join(ROOT, 'scripts/build-deb'), [other, directory], { encoding: 'utf8' });
  expect(refused.status).toBe(69);
  expect(refused.stderr).toContain(`build this package on ${other}: make deb`);
  const unknown = spawnSync(join(ROOT, 'scripts/build-deb'), ['m68k', directory], { encoding: 'utf8' });
  expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('not for m68k') as string });
});

describe('unpacked where nothing is but the libraries of its dependencies and a shell', () => {
  let root = '';
  beforeAll(() => {
    root = join(directory, 'root');
    mkdirSync(root);
    // as on Debian, where they are links into /usr
    for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
      mkdirSync(join(root, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, join(root, name));
    }
    mkdirSync(join(root, 'dev'));
    writeFileSync(join(root, 'dev/null'), '');
    mkdirSync(join(root, 'control'));
    execFileSync('sh', [
      '-c',
      `dpkg-deb --fsys-tarfile '${first}' | tar --extract --keep-directory-symlink --directory '${root}'`,
    ]);
    run('dpkg-deb', '--control', first, join(root, 'control'));
    for (const program of ['sh', 'rm']) bring(`/bin/${program}`);
    for (const part of ['bin/node', 'build/native/spillway.node']) libraries(join(root, 'usr/lib/spillway', part));
  });

  const bring = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
    if (!path.includes('.so')) libraries(path);
  };
  const libraries = (path: string) => {
    for (const [library] of run('ldd', path).matchAll(/\/\S+\.so\S*/g)) bring(library);
  };
  /** Without a network, without /proc, with nothing of the environment. */
  const inside = (...command: string[]) =>
    spawnSync('unshare', ['--net', '--mount', `--root=${root}`, ...command], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });

  it('its version', () => {
    const { status, stdout, stderr } = inside('/usr/bin/spillway', 'version');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`version   ${version}\n`);
    expect(stdout).toMatch(/^libbpf {4}1\.\d+$/m);
    expect(stdout).toContain(`revision  ${readFileSync(join(ROOT, 'build/revision'), 'utf8')}`);
  });

  it('its configuration, which is that of the package', () => {
    const { status, stdout, stderr } = inside('/usr/bin/spillway', 'check');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('/etc/spillway/config.yaml: ok\n');
  });

  it('its documentation: licences of all parts, the man page, completions', () => {
    const copyright = readFileSync(join(root, 'usr/share/doc/spillway/copyright'), 'utf8');
    const { inputs } = JSON.parse(readFileSync(join(ROOT, 'build/agent/inputs.json'), 'utf8')) as { inputs: object };
    const folders = Object.keys(inputs).flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
    const packages = new Set(
      folders.map(
        (folder) => (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { name: string }).name,
      ),
    );
    expect(packages).toContain('commander');
    for (const name of [...packages, 'libbpf', 'libelf', 'zlib', 'node-addon-api', 'Node.js']) {
      expect(copyright).toMatch(new RegExp(`^Comment: ${name}[ ,]`, 'm'));
    }
    expect(copyright).toContain('Redistributions in binary form must reproduce');
    expect(run('sh', '-c', `gzip -dc '${root}/usr/share/man/man1/spillway.1.gz'`)).toContain('.TH SPILLWAY 1');
    expect(readFileSync(join(root, 'usr/share/zsh/vendor-completions/_spillway'), 'utf8')).toMatch(
      /^#compdef spillway\n/,
    );
  });

  it('no part holds a path of the machine that built it, or what is only for debugging', () => {
    const names = [
      'bin/node',
      'build/agent/cli/agent.cjs',
      'build/agent/cli/agent.cache',
      'build/native/spillway.node',
      'build/bpf/spillway.bpf.o',
    ];
    for (const name of names) {
      const content = readFileSync(join(root, 'usr/lib/spillway', name));
      expect(content.includes(ROOT.replace(/\/$/, '')), name).toBe(false);
      if (!/\.(?:cjs|cache)$/.test(name))
        expect(run('readelf', '-S', join(root, 'usr/lib/spillway', name)), name).not.toContain('.debug_');
    }
    expect(readFileSync(join(root, 'usr/share/doc/spillway/copyright')).includes(ROOT)).toBe(false);
  });

  const STATE = ['var/lib/private/spillway/alerts.json', 'run/spillway/x', 'etc/spillway/pagerduty.key'];
  const state = () => {
    for (const name of STATE) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), '');
    }
    if (!existsSync(join(root, 'var/lib/spillway'))) symlinkSync('private/spillway', join(root, 'var/lib/spillway'));
  };
  const script = (name: string, ...args: string[]) => {
    const { status, stderr } = inside('/bin/sh', `/control/${name}`, ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  };

  it('an upgrade and a removal keep configuration and state, without systemd too', () => {
    state();
    // the helper is part of every Debian, but not of this root
    writeFileSync(join(root, 'usr/bin/deb-systemd-helper'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    script('prerm', 'upgrade', version);
    script('postrm', 'upgrade', version);
    script('postinst', 'configure', version);
    script('prerm', 'remove');
    script('postrm', 'remove');
    for (const name of STATE) expect(existsSync(join(root, name)), name).toBe(true);
  });

  it('a purge leaves nothing', () => {
    state();
    script('postrm', 'purge');
    for (const path of [...STATE, 'var/lib/spillway']) {
      expect(lstatSync(join(root, dirname(path), basename(path)), { throwIfNoEntry: false }), path).toBeUndefined();
    }
    expect(existsSync(join(root, 'etc/spillway'))).toBe(false);
  });
});
