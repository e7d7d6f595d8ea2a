/** "Did you mean": the word that was probably meant. Pure. */

/** Nobody types a word of ours that long. */
const LONGEST = 64;

/** The nearest of the words, if it is near enough to be meant: a third of its letters may differ, upper case does not count. */
export function nearest(text: string, words: Iterable<string>): string | undefined {
  if (text.length > LONGEST) return undefined;
  let best: string | undefined;
  let least = Infinity;
  for (const word of words) {
    const allowed = Math.max(1, Math.floor(word.length / 3));
    if (Math.abs(word.length - text.length) > allowed) continue;
    const distance = editDistance(text.toLowerCase(), word.toLowerCase());
    if (distance <= allowed && distance < least) {
      best = word;
      least = distance;
    }
  }
  return best;
}

/** Letters to insert, delete, replace, or swap with their neighbour, so that one text becomes the other. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let cost = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[to.length] ?? 0;
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(text: string, words: Iterable<string>): string {
  const word = nearest(text, words);
  return word === undefined ? '' : `; did you mean ${word}?`;
}
