import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { binding, bpfErrorOf } from './fixture.ts';

/** Node has no unix datagram sockets: prints each datagram as a line of JSON; with `deaf` it only binds. */
const LISTENER = `
import json, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0), 1) if sys.argv[1][0] == '@' else sys.argv[1])
print('bound', flush=True)
while sys.argv[2] == 'deaf': time.sleep(1)
while True: print(json.dumps(s.recv(65536).decode()), flush=True)
`;

async function listen(socket: string, how: 'listens' | 'deaf' = 'listens') {
  const child: ChildProcess = spawn('python3', ['-c', LISTENER, socket, how], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  await expect.poll(() => text).toBe('bound\n');
  return () =>
    text
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as string);
}

function directory(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'spillway-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test.each([
  ['a path', () => path.join(directory(), 'notify')],
  ['a path as long as they may be', () => path.join(directory(), 'n'.repeat(300)).slice(0, 107)],
  ['an abstract name', () => `@spillway/test/${String(process.pid)}`],
  ['an abstract name as long as they may be', () => `@spillway/${String(process.pid)}/`.padEnd(108, 'x')],
])('sendNotification: a datagram a message, at %s', async (_, address) => {
  const socket = address();
  const heard = await listen(socket);
  binding.sendNotification(socket, 'READY=1\nSTATUS=grün\n');
  binding.sendNotification(socket, 'WATCHDOG=1\n');
  await expect.poll(heard).toEqual(['READY=1\nSTATUS=grün\n', 'WATCHDOG=1\n']);
});

test('sendNotification says what went wrong', () => {
  const socket = path.join(directory(), 'nobody');
  expect(bpfErrorOf(() => binding.sendNotification(socket, 'READY=1'))).toMatchObject({
    code: 'ENOENT',
    operation: `notify ${socket}`,
    message: `notify ${socket}: ENOENT (No such file or directory)`,
  });
  const codeOf = (address: string) => bpfErrorOf(() => binding.sendNotification(address, 'READY=1')).code;
  expect(codeOf('@nobody/listens/here')).toBe('ECONNREFUSED');
  expect(codeOf(`/${'x'.repeat(107)}`)).toBe('ENAMETOOLONG');
  expect(codeOf(`@${'x'.repeat(108)}`)).toBe('ENAMETOOLONG');
  for (const other of ['vsock:2:1234', 'relative', '', '/', '@']) expect(codeOf(other)).toBe('EAFNOSUPPORT');
  expect(() => binding.sendNotification(1 as never, 'READY=1')).toThrow(TypeError);
});

test('sendNotification does not wait for a listener that does not read', async () => {
  const socket = path.join(directory(), 'notify');
  await listen(socket, 'deaf');
  const began = performance.now();
  const error = bpfErrorOf(() => {
    for (let i = 0; i < 100_000; i++) binding.sendNotification(socket, 'WATCHDOG=1\n');
  });
  expect(error.code).toBe('EAGAIN');
  expect(performance.now() - began).toBeLessThan(20_000);
});

test('monotonicUs is CLOCK_MONOTONIC, in microseconds', () => {
  const before = Number(process.hrtime.bigint() / 1000n);
  const now = binding.monotonicUs();
  const after = Number(process.hrtime.bigint() / 1000n);
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(after);
  expect(Number.isInteger(now)).toBe(true);
});
