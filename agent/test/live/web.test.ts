/** The agent's port: a real Prometheus and curl let in by certificate and password, and clients that mean no good kept at bay. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashSync } from 'bcryptjs';
import { expect, it, onTestFinished } from 'vitest';
import { CertificateMaker } from '../support/certificates.ts';
import { until } from './support/kernel.ts';
import { countOf, startPrometheus } from './support/prometheus.ts';
import { type Daemon, program, ROOT, run, SPILLWAY, startDaemon, temporaryDirectory } from './support/run.ts';

const PASSWORD = 'correct horse';

/** An agent with a certificate, users, and a need for client certificates. */
async function guarded(clientAuth: string) {
  const maker = new CertificateMaker();
  onTestFinished(() => maker.close());
  const authority = maker.authority('authority');
  const server = () => maker.signed('server', authority, ['IP:127.0.0.1']);
  const client = maker.signed('client', authority, ['DNS:prometheus.example']);
  const first = server();
  const file = join(maker.directory, 'web.yaml');
  // it begins without, so that `startDaemon` sees when it is ready, and takes this by itself
  writeFileSync(file, '');
  const daemon = await startDaemon(['--web.config.file', file]);
  await sleep(200);
  writeFileSync(
    file,
    `tls_server_config:
  cert_file: ${first.certFile.slice(maker.directory.length + 1)}
  key_file: ${first.keyFile}
  client_auth_type: ${clientAuth}
  client_ca_file: ${authority.certFile}
basic_auth_users:
  alice: ${hashSync(PASSWORD, 10)}
`,
  );
  const url = daemon.url.replace('http:', 'https:');
  const curl = async (...flags: string[]) => {
    const { code, stdout } = await run([
      'curl',
      '-sS',
      '-w',
      '\\n%{http_code}',
      '--cacert',
      authority.certFile,
      ...flags,
    ]);
    return { code, status: Number(stdout.slice(-3)), body: stdout.slice(0, -4) };
  };
  await until(async () => (await run(['curl', '-s', '-k', daemon.url])).stdout.includes('speaks TLS'));
  return { daemon, url, authority, server, client, first, curl, directory: maker.directory };
}

it('curl and Prometheus are let in by certificate and password, also while the certificate is replaced', async () => {
  const { daemon, url, authority, server, client, first, curl } = await guarded('RequireAndVerifyClientCert');
  const certificate = ['--cert', client.certFile, '--key', client.keyFile];
  const user = ['-u', `alice:${PASSWORD}`];

  const good = await curl(...certificate, ...user, `${url}/metrics`);
  expect([good.code, good.status]).toEqual([0, 200]);
  expect(good.body).toContain('spillway_build_info');
  expect(await curl(...certificate, `${url}/metrics`)).toMatchObject({ code: 0, status: 401 });
  expect(await curl(...certificate, '-u', 'alice:wrong', `${url}/metrics`)).toMatchObject({ code: 0, status: 401 });
  expect(await curl(...user, `${url}/metrics`)).toMatchObject({ status: 0 });

  const tls = `{ca_file: ${authority.certFile}, cert_file: ${client.certFile}, key_file: ${client.keyFile}}`;
  const auth = `{username: alice, password: '${PASSWORD}'}`;
  const job = `scheme: https, tls_config: ${tls}, basic_auth: ${auth}`;
  const prometheus = await startPrometheus(url, 'http://127.0.0.1:9', 'groups: []', job);
  await until(async () => (await countOf(prometheus, 'up{job="spillway"} == 1')) === 1);
  expect(await countOf(prometheus, 'spillway_build_info')).toBe(1);

  const serial = async () => {
    const { stdout } = await run([
      'curl',
      '-sv',
      '-w',
      '%{certs}',
      '--cacert',
      authority.certFile,
      ...certificate,
      url,
    ]);
    return /Serial Number:\s*(.+)/i.exec(stdout)?.[1];
  };
  const before = await serial();
  const next = server();
  copyFileSync(next.certFile, first.certFile);
  copyFileSync(next.keyFile, first.keyFile);
  await until(async () => (await serial()) !== before);
  await sleep(5000);
  expect(await countOf(prometheus, 'min_over_time(up{job="spillway"}[1m]) == 1')).toBe(1);
  expect(await countOf(prometheus, 'count_over_time(up{job="spillway"}[1m]) >= 5')).toBe(1);

  const address = url.replace('//', '//alice@');
  const flags = ['--ca-file', authority.certFile, '--cert-file', client.certFile, '--key-file', client.keyFile];
  const snapshot = (given: readonly string[], password = PASSWORD, where = address) =>
    run([SPILLWAY, 'snapshot', '-a', where, '-o', 'json', ...given], { env: { SPILLWAY_PASSWORD: password } });
  expect(JSON.parse((await snapshot(flags)).stdout)).toMatchObject({ schema: 'spillway.snapshot/1' });
  expect((await snapshot(flags, 'wrong')).stderr).toContain('answered 401: wrong user or password; give the right');
  expect((await snapshot(flags, PASSWORD, url)).stderr).toContain(
    'answered 401: user and password are needed; give -a',
  );
  expect((await snapshot([])).stderr).toContain('signed by nobody known here: give --ca-file');
  expect((await snapshot(flags.slice(0, 2))).stderr).toContain('give --cert-file and --key-file');
  expect((await snapshot([], PASSWORD, daemon.url)).stderr).toContain(`give -a ${url}`);
  expect(daemon.stderr()).not.toContain(PASSWORD);
});

/** A scraper that asks again and again, each time on a new connection, and notes what became of it. */
class Scraper {
  readonly times: number[] = [];
  readonly failures: string[] = [];
  #last = '';
  #running = true;
  readonly #done: Promise<void>;

  constructor(ask: () => Promise<string>) {
    this.#done = (async () => {
      while (this.#running) {
        const began = performance.now();
        try {
          this.#last = await ask();
          this.times.push(performance.now() - began);
        } catch (error) {
          this.failures.push(String(error));
        }
        await sleep(250);
      }
    })();
  }

  get last(): string {
    return this.#last;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }
}

function hostile(
  daemon: Daemon,
  kind: 'plain' | 'tls',
): { child: ChildProcess; counts: () => Promise<Record<string, number>> } {
  const script = join(ROOT, 'agent/test/live/support/hostile.py');
  const child = spawn('python3', [script, new URL(daemon.url).port, kind], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const counts = async () => {
    child.stdin.end();
    await ended;
    return JSON.parse(out) as Record<string, number>;
  };
  return { child, counts };
}

/** Peak memory of a process, in MiB. */
const peakMiB = (pid = 0): number =>
  Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]) / 1024;

/** 100 attempts of sendfile, again and again, under a name of their own; how many there were. */
async function load(comm: string, rounds: number): Promise<number> {
  const file = join(temporaryDirectory(), comm);
  symlinkSync(program('threads'), file);
  for (let i = 0; i < rounds; i++) {
    expect((await run([file, '2', '50'])).code).toBe(0);
    await sleep(100);
  }
  return rounds * 100;
}

/** 1,000 transfers that are all refused, then read and written, under a name of their own. */
const FALLBACKS = `
import os, socket
a, b = socket.socketpair()
for i in range(1000):
    f = os.open('/proc/self/status', os.O_RDONLY)
    try: os.sendfile(a.fileno(), f, 0, 100)
    except OSError: a.send(os.read(f, 100))
    os.close(f)
    b.recv(200)
`;

async function fallBack(comm: string): Promise<void> {
  const python = join(temporaryDirectory(), comm);
  symlinkSync('/usr/bin/python3', python);
  expect((await run([python, '-c', FALLBACKS])).code).toBe(0);
}

/** Who an alert fires for. */
async function firing({ url }: Daemon): Promise<string[]> {
  const response = await fetch(`${url}/api/v1/alerts`, { headers: { connection: 'close' } });
  const { statuses } = (await response.json()) as { statuses: { state: string; subject: { comm: string } | null }[] };
  return statuses.filter(({ state }) => state === 'firing').map(({ subject }) => subject?.comm ?? 'host');
}

const attemptsOf = (text: string, comm: string): number =>
  [...text.matchAll(/^spillway_workload_attempts_total\{([^\n]*)\} (\d+)$/gm)]
    .filter(([, labels = '']) => labels.includes(`comm="${comm}"`))
    .reduce((sum, [, , value]) => sum + Number(value), 0);

it('under everything that clients can do at once, what happens is counted exactly, and an honest scraper gets its answers', async () => {
  const directory = temporaryDirectory();
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `alerts: {state_directory: ${directory}/state, rules: {SendfileFallback: {window: 5s, for: 0s}}}\n`,
  );
  const daemon = await startDaemon(['--config', config]);
  const ask = async () => {
    const response = await fetch(`${daemon.url}/metrics`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(10_000),
    });
    expect(response.status).toBe(200);
    return response.text();
  };
  const enemy = hostile(daemon, 'plain');
  await sleep(2000);
  const scraper = new Scraper(ask);
  const comm = `web-${String(process.pid)}`;
  const attempts = await load(comm, 30);
  // evaluation goes on too: a window of 5 s that is full of fallbacks is told while they last
  const falling = `fall-${String(process.pid)}`;
  await fallBack(falling);
  const began = performance.now();
  await until(async () => (await firing(daemon)).includes(falling));
  expect(performance.now() - began).toBeLessThan(5000);
  await scraper.stop();
  const text = await ask();
  const counts = await enemy.counts();

  expect(attemptsOf(text, comm)).toBe(attempts);
  expect(scraper.failures.length).toBeLessThanOrEqual(scraper.times.length / 20);
  for (const expected of [
    // so many want in that these are cut before their time is up
    ...[/^slow headers (?:408|503)$/, /^slow body (?:408|503|cut)$/],
    ...[/^long header 431$/, /^long path 414$/, /^bad method 405$/, /^connect 405$/, /^bad path 404$/, /^garbage 400$/],
    ...[/^long body 413$/, /^half closed 200$/, /^flood 200$/, /^reload 200$/, /^idle cut$/, /^stuck cut$/],
  ]) {
    expect(Object.keys(counts)).toContainEqual(expect.stringMatching(expected));
  }
  expect(daemon.stderr().match(/nothing has changed/g)).toHaveLength(1);
  expect(daemon.stderr().split('\n').length).toBeLessThan(12);
  expect(peakMiB(daemon.child.pid)).toBeLessThan(512);
});

it('the same with TLS and passwords: handshakes that never end, guesses, plain HTTP', async () => {
  const { daemon, url, authority, client } = await guarded('VerifyClientCertIfGiven');
  const agent = new Agent({ keepAlive: false, ca: authority.cert, cert: client.cert, key: client.key });
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const asked = request(
        `${url}/metrics`,
        { agent, auth: `alice:${PASSWORD}`, signal: AbortSignal.timeout(10_000) },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.once('error', reject);
          response.once('end', () =>
            response.statusCode === 200 ? resolve(text) : reject(new Error(`${String(response.statusCode)} ${text}`)),
          );
        },
      );
      asked.once('error', reject).end();
    });
  // as any scraper that has been there before
  await ask();
  const enemy = hostile(daemon, 'tls');
  await sleep(2000);
  const scraper = new Scraper(ask);
  const comm = `web-${String(process.pid)}`;
  const attempts = await load(comm, 30);
  await sleep(8000);
  await scraper.stop();
  const counts = await enemy.counts();
  const text = await ask();

  expect(attemptsOf(text, comm)).toBe(attempts);
  expect(scraper.failures.length).toBeLessThanOrEqual(scraper.times.length / 20);
  expect(counts).toHaveProperty(['flood 401']);
  expect(Object.keys(counts)).toContainEqual(expect.stringMatching(/^guess (?:401|503)$/));
  expect(counts).not.toHaveProperty(['guess 200']);
  expect(peakMiB(daemon.child.pid)).toBeLessThan(512);
  expect(daemon.stderr()).not.toContain(PASSWORD);
});
