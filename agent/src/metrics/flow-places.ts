/** The places of flows, found by the words of their keys: no string or object is made for a flow. */
import { wordsOf } from '../model/flow.ts';
import type { FlowTable } from '../model/snapshot.ts';
import type { Identities } from './rows.ts';

/** Of an IPv6 key; an IPv4 key takes the first of them. */
const KEY_WORDS = 9;
/** Places for which there is memory at first. */
const FIRST_PLACES = 128;

/** A hash table with open addressing, small enough for the first cache with few places and mostly empty: nearly every flow misses it. */
export class FlowPlaces implements Identities<FlowTable> {
  /** By place: 4, 6, or 0 while it is free. */
  readonly #families: Uint8Array;
  readonly #hashes: Uint32Array;
  /** `KEY_WORDS` a place, as far as places were used. */
  #keys = new Uint32Array(0);
  /** A place or -1. */
  readonly #slots: Int32Array;

  constructor(limit: number) {
    this.#families = new Uint8Array(limit);
    this.#hashes = new Uint32Array(limit);
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
      if (place < 0 || this.#holds(place, table, row, hash)) return place;
    }
  }

  enter(place: number, table: FlowTable, row: number): void {
    const words = wordsOf(table);
    const hash = this.hash(table, row);
    this.#reserve(place + 1);
    this.#keys.set(table.keys.subarray(row * words, (row + 1) * words), place * KEY_WORDS);
    this.#families[place] = table.family;
    this.#hashes[place] = hash;
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = place;
  }

  /** Those behind it move up, so that no search ends too early. */
  leave(place: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = (this.#hashes[place] ?? 0) & mask;
    while (slots[hole] !== place) hole = (hole + 1) & mask;
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const other = slots[slot] ?? -1;
      if (other < 0) break;
      const wanted = (this.#hashes[other] ?? 0) & mask;
      // it may not move before the slot where a search for it begins
      if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;
      slots[hole] = other;
      hole = slot;
    }
    slots[hole] = -1;
    this.#families[place] = 0;
  }

  /** The address family of the flow that holds a place. */
  familyAt(place: number): 4 | 6 {
    return this.#families[place] === 4 ? 4 : 6;
  }

  /** The keys of all places; that of one begins at keyAt(). */
  get keys(): Uint32Array {
    return this.#keys;
  }

  keyAt(place: number): number {
    return place * KEY_WORDS;
  }

  #holds(place: number, table: FlowTable, row: number, hash: number): boolean {
    if (this.#hashes[place] !== hash || this.#families[place] !== table.family) return false;
    const words = wordsOf(table);
    for (let word = 0, at = row * words, own = place * KEY_WORDS; word < words; word++, at++, own++) {
      if (table.keys[at] !== this.#keys[own]) return false;
    }
    return true;
  }

  #reserve(places: number): void {
    if (places * KEY_WORDS <= this.#keys.length) return;
    let capacity = Math.max(this.#keys.length / KEY_WORDS, FIRST_PLACES);
    while (capacity < places) capacity *= 2;
    const keys = new Uint32Array(capacity * KEY_WORDS);
    keys.set(this.#keys);
    this.#keys = keys;
  }
}
