import { expect, it } from 'vitest';
import { loading, PING, ready, reloading, statusOnly, stopping } from '../../src/service/notification.ts';

it('messages are assignments, one a line', () => {
  expect(loading()).toBe('STATUS=loading and attaching the probes\nEXTEND_TIMEOUT_USEC=120000000\n');
  expect(ready('fine')).toBe('READY=1\nSTATUS=fine\n');
  expect(reloading(1234567.9)).toBe('RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=reading the configuration again\n');
  expect(stopping('no more')).toBe('STOPPING=1\nSTATUS=no more\n');
  expect(PING).toBe('WATCHDOG=1\n');
});

it('a status is one line, whatever it holds, and not longer than people read', () => {
  expect(statusOnly('config.yaml:1:2\n  unknown key\nMAINPID=1')).toBe(
    'STATUS=config.yaml:1:2; unknown key; MAINPID=1\n',
  );
  expect(statusOnly('a\rREADY=1\u001b[31m\u2028')).toBe('STATUS=a\\x0dREADY=1\\x1b[31m\n');
  const long = statusOnly('x'.repeat(1000));
  expect(long).toBe(`STATUS=${'x'.repeat(299)}…\n`);
});
