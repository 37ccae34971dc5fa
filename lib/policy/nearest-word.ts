// The known word that a mistyped one most likely meant.

/** The closest of `words` to `typed`, or undefined when none is close. */
export function nearestWord(typed: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const word of words) {
    const distance = word.startsWith(typed) && typed.length > 1 ? 1 : edits(typed, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/** Edit distance in which two swapped neighbours are one edit, a row at a time. */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      next.push(
        Math.min(replace, row[j]! + 1, next[j - 1]! + 1, swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY),
      );
    }
    before = row;
    row = next;
  }
  return row[to.length]!;
}
