/** A mapped region over plain bytes, as native/lib/index.ts describes it. */
import type { MappedRegion, RowColumns, RowLayout } from '../../../native/lib/index.ts';

export class FakeMap implements MappedRegion {
  readonly bytes: Buffer;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
  }

  get size(): number {
    return this.bytes.length;
  }

  #u64(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at));
  }

  readU64(into: Float64Array, offset: number, stride: number, rows: number, columns: number): void {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) into[r * columns + c] = this.#u64(offset + r * stride + 8 * c);
    }
  }

  readU32(into: Uint32Array, offset: number, stride: number, rows: number, columns: number): void {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) into[r * columns + c] = this.bytes.readUInt32LE(offset + r * stride + 4 * c);
    }
  }

  selectRows(layout: RowLayout, into: RowColumns): number {
    const { offset, stride, rows, state, accept, words, wordColumns, counters, counterColumns } = layout;
    let selected = 0;
    for (let row = 0; row < rows; row++) {
      const at = offset + row * stride;
      const value = this.bytes.readUInt32LE(at + state);
      if (value > 31 || ((accept >>> value) & 1) === 0) continue;
      into.indices[selected] = row;
      into.states[selected] = value;
      this.readU32(into.words.subarray(selected * wordColumns), at + words, 0, 1, wordColumns);
      this.readU64(into.counters.subarray(selected * counterColumns), at + counters, 0, 1, counterColumns);
      selected++;
    }
    return selected;
  }

  readBytes(offset: number, length: number): Buffer {
    return Buffer.from(this.bytes.subarray(offset, offset + length));
  }

  storeU32(offset: number, value: number): void {
    this.bytes.writeUInt32LE(value, offset);
  }

  storeU64(offset: number, value: number): void {
    this.bytes.writeBigUInt64LE(BigInt(value), offset);
  }

  writeBytes(offset: number, bytes: Buffer): void {
    bytes.copy(this.bytes, offset);
  }

  close(): void {
    // nothing is held
  }
}
