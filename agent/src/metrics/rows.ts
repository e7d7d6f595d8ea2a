/** Many things to choose from, as rows of counters, and what tells them apart. */

export interface Rows {
  readonly length: number;
  /** As many columns a row as the selection has. */
  readonly counts: Float64Array;
}

/** What tells rows apart, and knows the place of each. Rows of one identity count together. */
export interface Identities<R extends Rows> {
  /** 32 bits, the same for the same identity. */
  hash(rows: R, row: number): number;
  /** The place that the identity of a row holds, or -1. */
  placeOf(rows: R, row: number, hash: number): number;
  /** Gives a free place to the identity of a row. */
  enter(place: number, rows: R, row: number): void;
  leave(place: number): void;
}

/** Adds the row of `from` that starts at `at`. */
export function addColumns(into: Float64Array, from: Float64Array, at: number): void {
  for (let column = 0; column < into.length; column++) into[column] = (into[column] ?? 0) + (from[at + column] ?? 0);
}

/** A copy with room for more columns. @throws RangeError when there are fewer than before */
export function wider(row: Float64Array, columns: number): Float64Array {
  const copy = new Float64Array(columns);
  copy.set(row);
  return copy;
}
