/** A `struct culprit` as it stands in memory -> what people read. Pure but for the cache. */
import { constants } from 'node:fs';
import { LAYOUT } from '../abi/layout.ts';
import { addressText } from '../model/flow.ts';
import type { Culprit } from '../model/snapshot.ts';
import type { MappedRegion } from '../../../native/lib/index.ts';

const { fields: FIELD, size: SIZE } = LAYOUT.structs.culprit;
const RECORD_SIZE = LAYOUT.structs.cause_record.size;
const CULPRIT_AT = LAYOUT.structs.cause_record.fields.culprit.offset;
const NAME_SIZE = 56;
/** `described` of a file whose names reach the root. */
const FROM_ROOT = 2;

/** include/uapi/linux/stat.h */
const TYPES: Readonly<Record<number, Culprit['type']>> = {
  0o140000: 'socket',
  0o100000: 'file',
  0o060000: 'block device',
  0o040000: 'directory',
  0o020000: 'character device',
  0o010000: 'pipe',
};
/** O_DIRECT differs between architectures (0x4000 on x86-64, 0x10000 on arm64): Node knows that of the running one. */
const FLAGS: readonly (readonly [string, number])[] = [
  ['O_APPEND', constants.O_APPEND],
  ['O_DIRECT', constants.O_DIRECT],
  ['O_NONBLOCK', constants.O_NONBLOCK],
];

/** include/linux/socket.h and include/uapi/linux/in.h; the rest is shown by number. */
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'unix',
  16: 'netlink',
  17: 'packet',
  38: 'alg',
  40: 'vsock',
  41: 'kcm',
  44: 'xdp',
};
const SOCKET_TYPES: Readonly<Record<number, string>> = { 1: 'stream', 2: 'datagram', 3: 'raw', 5: 'seqpacket' };
const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp', 262: 'mptcp' };
const AF_INET = 2;
const AF_INET6 = 10;

/** Null when the probe has not written it yet, or there is no file. */
export function decodeCulprit(bytes: Buffer): Culprit | null {
  const described = bytes.readUInt32LE(FIELD.described.offset);
  const mode = bytes.readUInt16LE(FIELD.mode.offset);
  const filesystem = textAt(bytes, FIELD.filesystem.offset, FIELD.filesystem.size);
  if (described === 0 || filesystem === '') return null;
  const type = TYPES[mode & 0o170000] ?? 'other';
  const open = bytes.readUInt32LE(FIELD.flags.offset);
  return {
    type,
    filesystem,
    name: type === 'socket' ? socketName(bytes) : pathName(bytes, described === FROM_ROOT, type),
    flags: FLAGS.filter(([, bit]) => (open & bit) !== 0).map(([name]) => name),
  };
}

function textAt(bytes: Buffer, at: number, size: number): string {
  const end = bytes.subarray(at, at + size).indexOf(0);
  return bytes.toString('utf8', at, at + (end === -1 ? size : end));
}

function pathName(bytes: Buffer, fromRoot: boolean, type: Culprit['type']): string {
  const { offset, size } = FIELD.names;
  const names: string[] = [];
  for (let at = 0; at < size; at += NAME_SIZE) {
    const name = textAt(bytes, offset + at, NAME_SIZE);
    // the root of a filesystem that is mounted nowhere: pipes and memfds
    if (name === '' || name === '/') break;
    names.unshift(name);
  }
  if (names.length === 0) return type === 'pipe' ? 'pipe' : fromRoot ? '/' : '';
  return `${fromRoot ? '/' : '…/'}${names.join('/')}`;
}

function socketName(bytes: Buffer): string {
  const family = bytes.readUInt16LE(FIELD.family.offset);
  const socketType = bytes.readUInt16LE(FIELD.type.offset);
  const typeName = SOCKET_TYPES[socketType] ?? `type ${String(socketType)}`;
  if (family !== AF_INET && family !== AF_INET6) return `${FAMILIES[family] ?? `family ${String(family)}`} ${typeName}`;
  const protocol = bytes.readUInt16LE(FIELD.protocol.offset);
  const end = (address: 'local' | 'peer', port: 'local_port' | 'peer_port') => {
    const words = Uint32Array.from({ length: family === AF_INET ? 1 : 4 }, (_, i) =>
      bytes.readUInt32LE(FIELD[address].offset + 4 * i),
    );
    const text = addressText(words);
    return `${text.includes(':') ? `[${text}]` : text}:${String(bytes.readUInt16LE(FIELD[port].offset))}`;
  };
  return `${PROTOCOLS[protocol] ?? `protocol ${String(protocol)}`} ${end('local', 'local_port')} -> ${end('peer', 'peer_port')}`;
}

/** Culprits by slot of one table of causes, decoded once each. */
export class CulpritCache {
  readonly #culprits = new Map<number, Culprit>();

  get(records: MappedRegion, slot: number): Culprit | null {
    const known = this.#culprits.get(slot);
    if (known !== undefined) return known;
    const culprit = decodeCulprit(records.readBytes(slot * RECORD_SIZE + CULPRIT_AT, SIZE));
    if (culprit !== null) this.#culprits.set(slot, culprit);
    return culprit;
  }

  /** The slot goes to another cause. */
  forget(slot: number): void {
    this.#culprits.delete(slot);
  }
}
