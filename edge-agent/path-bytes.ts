/** Paths are bytes: on Linux a name need not be text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The path as text, or `undefined` when it is not UTF-8. */
export function decodeName(path: Buffer): string | undefined {
  try {
    return utf8.decode(path);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** For messages: bytes that are not UTF-8 as `\xff`. */
export function printableName(path: Buffer): string {
  return (
    decodeName(path) ??
    path
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
  );
}
