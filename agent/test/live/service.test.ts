/** The agent and its service manager: what is said, in which order, and when the pings stay away. */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from './support/kernel.ts';
import { attachedBy, type Service, startedService, startService } from './support/manager.ts';
import { program, ROOT, run, temporaryDirectory } from './support/run.ts';

const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Pings in the next so many seconds. */
async function pingsWithin(service: Service, seconds: number): Promise<number> {
  const before = service.pings();
  await sleep(seconds * 1000);
  return service.pings() - before;
}

it('says that it loads, that it is ready when it is, how it does, and that it stops', async () => {
  const service = await startService({ watchdogS: 3 });
  await until(() => service.messages().length > 0);
  expect(service.messages()[0]?.lines).toEqual([
    'STATUS=loading and attaching the probes',
    'EXTEND_TIMEOUT_USEC=120000000',
  ]);
  await until(() => service.states().includes('READY=1'));
  expect(attachedBy(service.child.pid ?? 0)).toBeGreaterThan(5);
  expect((await fetch(`${service.url}/-/ready`)).status).toBe(200);
  expect(service.status()).toMatch(/^no alert; (?:.*; )?all \d+ probes attached$/);

  expect(await pingsWithin(service, 5)).toBeGreaterThanOrEqual(3);
  await run([program('threads'), '2', '5000']);
  await until(() => /[1-9][0-9.,]* attempts\/s/.test(service.status()));
  service.child.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  expect(service.states().filter((line) => line !== 'WATCHDOG=1')).toEqual([
    'EXTEND_TIMEOUT_USEC=120000000',
    'READY=1',
    'STOPPING=1',
  ]);
  expect(service.messages().at(-1)?.lines).toEqual(['STOPPING=1', 'STATUS=stopping']);
});

it('pings only where it is asked to, and for nobody else', async () => {
  const quiet = await startedService();
  const other = await startedService({ watchdogS: 3, env: { WATCHDOG_PID: '1' } });
  await sleep(3000);
  expect([quiet.pings(), other.pings()]).toEqual([0, 0]);
});

it('that cannot start says why, and never that it is ready', async () => {
  const service = await startService({ before: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] });
  expect(await service.exited).toBe(77);
  expect(service.states()).toEqual(['EXTEND_TIMEOUT_USEC=120000000', 'STOPPING=1']);
  expect(service.status()).toMatch(/this process lacks CAP_BPF, CAP_PERFMON/);
});

describe('a reload', () => {
  it('is announced with its time, and done', async () => {
    const service = await startedService();
    appendFileSync(service.config, 'status_url: http://here/\n');
    const before = nowUs();
    service.child.kill('SIGHUP');
    await until(() => service.states().filter((line) => line === 'READY=1').length === 2);
    const states = service.states().slice(-3);
    expect(states).toEqual(['RELOADING=1', expect.stringMatching(/^MONOTONIC_USEC=\d+$/), 'READY=1']);
    const stamp = Number(states[1]?.split('=')[1]);
    expect(stamp).toBeGreaterThanOrEqual(before);
    expect(stamp).toBeLessThanOrEqual(nowUs());
    expect(service.status()).toMatch(/^no alert/);
  });

  it('that fails leaves the unit running, and its status tells where the mistake is until it is mended', async () => {
    const service = await startedService();
    appendFileSync(service.config, 'no_such_key: 1\n');
    service.child.kill('SIGHUP');
    await until(() => service.states().filter((line) => line === 'READY=1').length === 2);
    const complaint = /^the configuration was not reloaded: .*config\.yaml:2:1: .*no_such_key/;
    expect(service.status()).toMatch(complaint);
    await sleep(2500);
    expect(service.status()).toMatch(complaint);
    expect((await fetch(`${service.url}/-/ready`)).status).toBe(200);
    writeFileSync(service.config, '');
    expect((await fetch(`${service.url}/-/reload`, { method: 'POST' })).status).toBe(200);
    await until(() => service.status().startsWith('no alert'));
    expect(service.states().filter((line) => /^RE/.test(line))).toEqual([
      'READY=1', 'RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1',
    ]); // prettier-ignore
  });
});

describe('pings', () => {
  /** A binding that goes wrong in one way as long as a file is there. */
  function faulty(fault: string): { env: NodeJS.ProcessEnv; begin: () => void; end: () => void } {
    const directory = temporaryDirectory();
    const [flag, file] = [join(directory, 'now'), join(directory, 'binding.cjs')];
    writeFileSync(
      file,
      `const real = require(${JSON.stringify(join(ROOT, 'build/native/spillway.node'))});
       const broken = () => require('node:fs').existsSync(${JSON.stringify(flag)});
       let last = 0;
       const bootTimeNs = () => {
         if (!broken()) last = real.bootTimeNs();
         else { ${fault} }
         return last;
       };
       module.exports = { ...real, bootTimeNs };`,
    );
    return {
      env: { SPILLWAY_BINDING: file },
      begin: () => {
        writeFileSync(flag, '');
      },
      end: () => {
        rmSync(flag);
      },
    };
  }

  it.each([
    ['throws', "throw new Error('no snapshot')", /^collection fails: no snapshot$/],
    ['takes the same snapshot again and again', '', /^no alert/],
  ])('stay away while collection %s, although the loop runs, and come back with it', async (_, fault, status) => {
    const { env, begin, end } = faulty(fault);
    const service = await startedService({ watchdogS: 3, env });
    expect(await pingsWithin(service, 3)).toBeGreaterThanOrEqual(1);
    begin();
    await sleep(1500);
    expect(await pingsWithin(service, 5)).toBe(0);
    expect((await fetch(`${service.url}/-/healthy`)).status).toBe(200);
    expect(service.status()).toMatch(status);
    end();
    expect(await pingsWithin(service, 4)).toBeGreaterThanOrEqual(1);
    expect(service.status()).toMatch(/^no alert/);
  });

  it('stay away while the loop stands still', async () => {
    const { env, begin } = faulty('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)');
    const service = await startedService({ watchdogS: 3, env });
    expect(await pingsWithin(service, 3)).toBeGreaterThanOrEqual(1);
    begin();
    await sleep(1500);
    expect(await pingsWithin(service, 4)).toBe(0);
  });

  it('stay away while the process is stopped', async () => {
    const service = await startedService({ watchdogS: 3 });
    service.child.kill('SIGSTOP');
    await sleep(300);
    expect(await pingsWithin(service, 4)).toBe(0);
    service.child.kill('SIGCONT');
    expect(await pingsWithin(service, 3)).toBeGreaterThanOrEqual(1);
  });

  it('do not care for clients that are slow', async () => {
    const service = await startedService({ watchdogS: 3 });
    const [host = '', port = ''] = service.url.replace('http://', '').split(':');
    for (let i = 0; i < 50; i++) {
      const socket = connect(Number(port), host);
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      // half a request, or whole ones whose answers nobody reads
      socket.write(i % 2 === 0 ? 'GET /metrics HTTP/1.1\r\nHo' : 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20));
      socket.pause();
    }
    expect(await pingsWithin(service, 6)).toBeGreaterThanOrEqual(4);
  });
});
