import { describe, expect, test } from 'vitest';
import { binding, runChild } from './fixture.ts';

describe('gracePeriod', () => {
  test('resolves, also many at once', async () => {
    await binding.gracePeriod();
    await Promise.all(Array.from({ length: 20 }, () => binding.gracePeriod()));
    expect(binding.liveHandles()).toBe(0);
  });

  test('waits for a program that runs on another CPU, without blocking the loop', async () => {
    expect(await runChild('grace')).toEqual({
      code: 0,
      signal: null,
      stdout: '{"map":false,"waited":true,"turns":true}\n',
      stderr: '',
    });
  });

  test('waits through a map-in-map where membarrier(2) would not, as on one CPU', async () => {
    // glibc counts the CPUs that are online in this file; in a mount namespace of its own it says one.
    const oneCpu = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'echo 0 >"$0"; mount --bind "$0" /sys/devices/system/cpu/online; exec "$@"',
    ];
    const child = await runChild('grace', [...oneCpu, '/dev/shm/spillway-one-cpu']);
    expect(child).toEqual({ code: 0, signal: null, stdout: '{"map":true,"waited":true,"turns":true}\n', stderr: '' });
  });
});
