/** Single keys on a terminal; the same letters from a pipe. */

/** Ctrl-C, which a terminal in raw mode hands over as it is. */
export const INTERRUPT = '\x03';

/** Disposing gives the terminal back. */
export function onKeys(onKey: (key: string) => void): Disposable {
  const { stdin } = process;
  const read = (chunk: Buffer) => {
    for (const letter of chunk.toString()) onKey(letter);
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', read);
  return {
    [Symbol.dispose]() {
      stdin.off('data', read);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.destroy();
    },
  };
}
