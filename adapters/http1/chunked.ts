/** Takes the chunks of an answer apart: https://www.rfc-editor.org/rfc/rfc9112#section-7.1 */
import { ProtocolError } from './errors.ts';

export interface ChunkReader {
  /** Takes what belongs to the body, and answers how many bytes of the input that was. */
  read(bytes: Buffer, onData: (piece: Buffer) => void): number;
  /** The last chunk and the lines after it are read. */
  readonly done: boolean;
}

/** Extensions and trailers are read over; nobody needs long ones. */
const MAX_LINE_BYTES = 4096;
const MAX_TRAILERS = 64;
const SIZE_LINE = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const LF = 0x0a;

export function createChunkReader(): ChunkReader {
  let expecting: 'size' | 'data' | 'end-of-data' | 'trailer' | 'nothing' = 'size';
  let left = 0;
  let trailers = 0;
  /** The beginning of a line that came in pieces. */
  let begun = '';

  /** The line up to its end, which must be CRLF; `undefined` while there is only a part of it. */
  function lineOf(bytes: Buffer, at: number): { line: string | undefined; next: number } {
    const end = bytes.indexOf(LF, at);
    const next = end === -1 ? bytes.length : end + 1;
    begun += bytes.toString('latin1', at, next);
    if (begun.length > MAX_LINE_BYTES) throw new ProtocolError('a line between chunks does not end');
    if (end === -1) return { line: undefined, next };
    if (!begun.endsWith('\r\n')) throw new ProtocolError('a line between chunks ends without CR');
    const line = begun.slice(0, -2);
    begun = '';
    return { line, next };
  }

  function take(line: string): void {
    if (expecting === 'size') {
      const [, size] = SIZE_LINE.exec(line) ?? [];
      if (size === undefined) throw new ProtocolError('a chunk has no size');
      left = Number.parseInt(size, 16);
      expecting = left === 0 ? 'trailer' : 'data';
    } else if (expecting === 'end-of-data') {
      if (line !== '') throw new ProtocolError('a chunk is longer than its size');
      expecting = 'size';
    } else if (line === '') {
      expecting = 'nothing';
    } else if (++trailers > MAX_TRAILERS) {
      throw new ProtocolError('the trailers do not end');
    }
  }

  return {
    get done() {
      return expecting === 'nothing';
    },
    read(bytes, onData) {
      let at = 0;
      while (at < bytes.length && expecting !== 'nothing') {
        if (expecting === 'data') {
          const piece = bytes.subarray(at, at + left);
          onData(piece);
          at += piece.length;
          left -= piece.length;
          if (left === 0) expecting = 'end-of-data';
        } else {
          const { line, next } = lineOf(bytes, at);
          at = next;
          if (line !== undefined) take(line);
        }
      }
      return at;
    },
  };
}
