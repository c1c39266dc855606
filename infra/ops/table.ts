/** Rows as text in columns. */

/** Every column as wide as its widest cell; colours, which take no room, do not count. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => `${cell}${' '.repeat((widths[column] ?? 0) - widthOf(cell))}`)
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What came from a store or a log, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code === 0x0a ? '\\n' : `\\u{${code.toString(16)}}`;
  });
}

function widthOf(cell: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of colours is one
  return [...cell.replace(/\u001b\[\d+m/g, '')].length;
}
