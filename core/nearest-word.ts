/** The word that somebody meant. */

/** The known word within two edits of the one that was typed, the nearest of them; capitals do not count. */
export function nearestWord(typed: string, known: readonly string[]): string | undefined {
  return known
    .map((candidate) => ({ candidate, edits: editDistance(typed.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ edits }) => edits <= 2)
    .sort((a, b) => a.edits - b.edits)[0]?.candidate;
}

/** What to say to a word that is none of those known: `stats is no command: did you mean status?` */
export function unknownWord(what: string, found: string, known: readonly string[]): string {
  const near = nearestWord(found, known);
  return `${found} is no ${what}: ${near === undefined ? thereAre(known) : `did you mean ${near}?`}`;
}

function thereAre(known: readonly string[]): string {
  return `there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ') || 'none'}`;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
