/** The places of flows, found by the words of their keys: no string or object is made for a flow without a place. */
import { wordsOf } from '../model/flow.ts';
import type { FlowTable } from '../model/snapshot.ts';
import type { Identities } from './rows.ts';

interface Holder {
  readonly family: 4 | 6;
  readonly key: Uint32Array;
  readonly hash: number;
}

/** A hash table with open addressing, small enough for the first cache and mostly empty: nearly every flow misses it. */
export class FlowPlaces implements Identities<FlowTable> {
  readonly #holders: (Holder | null)[];
  /** A place or -1. */
  readonly #slots: Int32Array;

  constructor(limit: number) {
    this.#holders = new Array<Holder | null>(limit).fill(null);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(8 * Math.max(limit, 1)))).fill(-1);
  }

  hash(table: FlowTable, row: number): number {
    const { keys } = table;
    const words = wordsOf(table);
    let hash: number = table.family;
    for (let at = row * words; at < (row + 1) * words; at++) {
      hash = Math.imul(hash ^ (keys[at] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  }

  placeOf(table: FlowTable, row: number, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const place = this.#slots[slot] ?? -1;
      if (place < 0 || this.#holds(place, table, row)) return place;
    }
  }

  enter(place: number, table: FlowTable, row: number): void {
    const words = wordsOf(table);
    const key = table.keys.slice(row * words, (row + 1) * words);
    const hash = this.hash(table, row);
    this.#holders[place] = { family: table.family, key, hash };
    this.#insert(place, hash);
  }

  /** Rare, so the whole table is simply made anew. */
  leave(place: number): void {
    this.#holders[place] = null;
    this.#slots.fill(-1);
    this.#holders.forEach((holder, other) => {
      if (holder !== null) this.#insert(other, holder.hash);
    });
  }

  #insert(place: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = place;
  }

  #holds(place: number, { family, keys }: FlowTable, row: number): boolean {
    const holder = this.#holders[place];
    if (holder?.family !== family) return false;
    const { key } = holder;
    for (let word = 0, at = row * key.length; word < key.length; word++, at++) {
      if (keys[at] !== key[word]) return false;
    }
    return true;
  }
}
