/** Reads the CSV files that csv-upload.ts has written, strictly: anything else is damage, and said to be. */
import { SyncError } from '#core/errors.ts';

/** A row of ours is far shorter: a key has 1,024 bytes, and permissions some thousand. */
const MAX_CELL_CHARACTERS = 4 * 1024 * 1024;

/**
 * The rows of an RFC 4180 file in UTF-8, its header first. Holds one chunk and one row.
 *
 * @throws SyncError when a quote is not closed, a row does not end with CRLF, or the bytes are not UTF-8
 * https://www.rfc-editor.org/rfc/rfc4180
 */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string[]> {
  const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n)/y;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  let cells: string[] = [];
  for await (const chunk of chunks) {
    text += decoded(() => decoder.decode(chunk, { stream: true }), name);
    let at = 0;
    for (;;) {
      // Without its delimiter a cell may go on in the next chunk.
      cell.lastIndex = at;
      const match = cell.exec(text);
      if (match === null) break;
      cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
      at = cell.lastIndex;
      if (match[3] === ',') continue;
      yield cells;
      cells = [];
    }
    text = text.slice(at);
    if (text.length > MAX_CELL_CHARACTERS) throw damaged(name, 'has a cell without an end');
  }
  text += decoded(() => decoder.decode(), name);
  if (text !== '' || cells.length > 0) throw damaged(name, 'ends within a row');
}

function decoded(decode: () => string, name: string): string {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw damaged(name, 'is not UTF-8', error);
  }
}

function damaged(name: string, what: string, cause?: unknown): SyncError {
  return new SyncError(`the report ${name} ${what}`, {
    op: 'read-report',
    key: name,
    retryable: false,
    code: 'BadReport',
    ...(cause === undefined ? {} : { cause }),
  });
}
