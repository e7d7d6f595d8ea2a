import { constants } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LAYOUT } from '../../src/abi/layout.ts';
import { decodeCulprit } from '../../src/kernel/culprit.ts';

const { size, fields } = LAYOUT.structs.culprit;
const NAME_SIZE = 56;

interface Spec {
  readonly described?: number;
  readonly mode?: number;
  readonly flags?: number;
  readonly filesystem?: string;
  readonly names?: readonly (string | Buffer)[];
  readonly family?: number;
  readonly protocol?: number;
  readonly type?: number;
  readonly local?: readonly number[];
  readonly peer?: readonly number[];
  readonly ports?: readonly [number, number];
}

function bytesOf(spec: Spec): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(spec.described ?? 2, fields.described.offset);
  bytes.writeUInt32LE(spec.flags ?? 0, fields.flags.offset);
  bytes.writeUInt16LE(spec.mode ?? 0o100644, fields.mode.offset);
  bytes.writeUInt16LE(spec.family ?? 0, fields.family.offset);
  bytes.writeUInt16LE(spec.protocol ?? 0, fields.protocol.offset);
  bytes.writeUInt16LE(spec.type ?? 0, fields.type.offset);
  bytes.writeUInt16LE(spec.ports?.[0] ?? 0, fields.local_port.offset);
  bytes.writeUInt16LE(spec.ports?.[1] ?? 0, fields.peer_port.offset);
  bytes.set(spec.local ?? [], fields.local.offset);
  bytes.set(spec.peer ?? [], fields.peer.offset);
  bytes.write(spec.filesystem ?? 'ext4', fields.filesystem.offset);
  (spec.names ?? []).forEach((name, i) => bytes.set(Buffer.from(name), fields.names.offset + i * NAME_SIZE));
  return bytes;
}

describe('decodeCulprit', () => {
  it('is nothing before the probe has written it, and where there is no file', () => {
    expect(decodeCulprit(bytesOf({ described: 0 }))).toBeNull();
    expect(decodeCulprit(bytesOf({ filesystem: '' }))).toBeNull();
  });

  it('joins the names from the root down', () => {
    expect(decodeCulprit(bytesOf({ names: ['passwd', 'etc'] }))).toEqual({
      type: 'file',
      filesystem: 'ext4',
      name: '/etc/passwd',
      flags: [],
    });
    expect(decodeCulprit(bytesOf({ mode: 0o040755 }))).toMatchObject({ type: 'directory', name: '/' });
  });

  it('says that a path began further up', () => {
    expect(decodeCulprit(bytesOf({ described: 1, names: ['d', 'c', 'b', 'a'] }))?.name).toBe('…/a/b/c/d');
  });

  it('keeps names of 55 bytes, and hostile ones valid', () => {
    const long = 'x'.repeat(NAME_SIZE - 1);
    expect(decodeCulprit(bytesOf({ names: [long, long] }))?.name).toBe(`/${long}/${long}`);
    expect(decodeCulprit(bytesOf({ names: [Buffer.from([0x61, 0xff, 0x1b])] }))?.name).toBe('/a\ufffd\u001b');
  });

  it('names the flags that matter', () => {
    const flags = constants.O_APPEND | constants.O_NONBLOCK | constants.O_WRONLY | constants.O_DIRECT;
    expect(decodeCulprit(bytesOf({ flags }))?.flags).toEqual(['O_APPEND', 'O_DIRECT', 'O_NONBLOCK']);
  });

  it('tells pipes and devices', () => {
    expect(decodeCulprit(bytesOf({ mode: 0o010600, filesystem: 'pipefs' }))).toMatchObject({
      type: 'pipe',
      name: 'pipe',
    });
    expect(decodeCulprit(bytesOf({ mode: 0o010600, names: ['fifo', 'tmp'] }))?.name).toBe('/tmp/fifo');
    expect(decodeCulprit(bytesOf({ mode: 0o020666 }))?.type).toBe('character device');
    expect(decodeCulprit(bytesOf({ mode: 0o060666 }))?.type).toBe('block device');
    expect(decodeCulprit(bytesOf({ mode: 0o600 }))?.type).toBe('other');
  });

  it('names sockets by protocol and ends', () => {
    const socket = { mode: 0o140777, filesystem: 'sockfs' };
    const tcp = { ...socket, protocol: 6, type: 1, ports: [80, 4711] } as const;
    expect(decodeCulprit(bytesOf({ ...tcp, family: 2, local: [10, 0, 0, 1], peer: [192, 168, 1, 2] }))?.name).toBe(
      'tcp 10.0.0.1:80 -> 192.168.1.2:4711',
    );
    const loopback = [...new Array<number>(15).fill(0), 1];
    expect(decodeCulprit(bytesOf({ ...tcp, family: 10, local: loopback, peer: loopback }))?.name).toBe(
      'tcp [::1]:80 -> [::1]:4711',
    );
    const mapped = [...new Array<number>(10).fill(0), 255, 255, 127, 0, 0, 1];
    expect(decodeCulprit(bytesOf({ ...tcp, family: 10, local: mapped, peer: mapped }))?.name).toBe(
      'tcp 127.0.0.1:80 -> 127.0.0.1:4711',
    );
    expect(decodeCulprit(bytesOf({ ...socket, family: 1, type: 2 }))?.name).toBe('unix datagram');
    expect(decodeCulprit(bytesOf({ ...socket, family: 99, type: 77 }))?.name).toBe('family 99 type 77');
    expect(decodeCulprit(bytesOf({ ...tcp, protocol: 200, family: 2 }))?.name).toBe(
      'protocol 200 0.0.0.0:80 -> 0.0.0.0:4711',
    );
  });
});
