import { describe, expect, test } from 'vitest';
import { BAD_FIXTURE, FIXTURE, binding, bpfErrorOf, runChild } from './fixture.ts';

describe('a BpfError', () => {
  test('carries the verifier’s reason when a program is refused, and the object can then only be closed', () => {
    const object = binding.openObject(BAD_FIXTURE, 'bad');
    object.setAutoload('unchecked_at_length', false);
    const error = bpfErrorOf(() => object.load());
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'BpfError',
      operation: 'load object bad',
      errno: 13,
      code: 'EACCES',
      message: 'load object bad: EACCES (Permission denied)',
    });
    expect(error.log).toMatch(/R\d invalid mem access 'map_value_or_null'/);
    expect(() => object.load()).toThrow('BpfObject failed to load: it can only be closed');
    expect(() => object.programNames()).toThrow(TypeError);
    object.close();
    expect(binding.liveHandles()).toBe(0);
  });

  test('keeps the end of a log of megabytes, and says what it dropped', () => {
    const object = binding.openObject(BAD_FIXTURE, 'bad');
    object.setAutoload('unchecked', false);
    const { log } = bpfErrorOf(() => object.load());
    object.close();
    const dropped = /^\[(\d+) bytes dropped\]\n/.exec(log);
    expect(Number(dropped?.[1])).toBeGreaterThan(10_000);
    expect(log.length).toBe(64 * 1024 + (dropped?.[0].length ?? 0));
    expect(log).toMatch(/R\d invalid mem access 'map_value_or_null'/);
  });

  test('says EPERM to a process without privileges, whose log names the cause', async () => {
    // The one capability that says nothing about BPF: a checkout may lie where nobody else can read.
    const only = ['--inh-caps', '-all,+dac_read_search', '--ambient-caps', '+dac_read_search'];
    const child = await runChild('load', [
      'setpriv',
      '--reuid',
      '65534',
      '--regid',
      '65534',
      '--clear-groups',
      ...only,
    ]);
    expect(child.stderr).toBe('');
    expect(JSON.parse(child.stdout)).toMatchObject({
      operation: 'load object fixture',
      code: 'EPERM',
      message: 'load object fixture: EPERM (Operation not permitted)',
      log: expect.stringContaining("Couldn't load trivial BPF program") as string,
    });
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'EINVAL'],
    ['no ELF', Buffer.from('#!/bin/sh\n'.repeat(100)), 'E4001'],
    ['an ELF cut after its header', FIXTURE.subarray(0, 64), 'E4001'],
    ['an ELF cut in half', FIXTURE.subarray(0, FIXTURE.length / 2), 'E4001'],
  ])('says of %s that it is no object, without printing anything', (_, elf, code) => {
    const error = bpfErrorOf(() => binding.openObject(elf, 'corrupt'));
    expect(error).toMatchObject({ operation: 'open object corrupt', code });
    expect(binding.liveHandles()).toBe(0);
  });

  test.each<[string, () => unknown]>([
    ['an ELF that is no Buffer', () => binding.openObject('elf' as unknown as Buffer, 'x')],
    ['a missing name', () => (binding.openObject as (elf: Buffer) => unknown)(FIXTURE)],
    ['a pid that is no number', () => binding.pidfdOpen('1' as unknown as number)],
  ])('is a TypeError instead for %s', (_, call) => {
    expect(call).toThrow(TypeError);
  });
});
