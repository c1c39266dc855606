/** Reads one answer out of the bytes of a connection, however they are cut. */
import { type ChunkReader, createChunkReader } from './chunked.ts';
import { ProtocolError } from './errors.ts';
import { type AnswerHead, parseHead } from './head.ts';

export interface AnswerEvents {
  onHead(head: AnswerHead): void;
  /** A view on the bytes that were read: it is to be copied, or used at once. */
  onPiece(piece: Buffer): void;
  onEnd(head: AnswerHead): void;
}

export interface AnswerReader {
  /**
   * Answers how many of the bytes belong to this answer: all, until its end.
   *
   * @throws ProtocolError
   */
  read(bytes: Buffer): number;
}

const HEAD_END = '\r\n\r\n';
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_INTERIM_ANSWERS = 8;
const NOTHING = Buffer.alloc(0);

export function createAnswerReader(method: string, { onHead, onPiece, onEnd }: AnswerEvents): AnswerReader {
  let head: AnswerHead | undefined;
  /** The beginning of a head that came in pieces. */
  let begun: Buffer = NOTHING;
  let interim = 0;
  let left = 0;
  let chunks: ChunkReader | undefined;

  function readHead(bytes: Buffer): number {
    const before = begun.length;
    const all = before === 0 ? bytes : Buffer.concat([begun, bytes]);
    const end = all.indexOf(HEAD_END);
    if ((end === -1 ? all.length : end) > MAX_HEAD_BYTES) {
      throw new ProtocolError('the head of the answer does not end');
    }
    if (end === -1) {
      begun = before === 0 ? Buffer.from(all) : all;
      return bytes.length;
    }
    begun = NOTHING;
    take(parseHead(all.toString('latin1', 0, end), method));
    return end + HEAD_END.length - before;
  }

  function take(one: AnswerHead): void {
    if (one.status < 200) {
      interim++;
      if (one.status !== 101 && interim <= MAX_INTERIM_ANSWERS) return;
      throw new ProtocolError('no answer but interim ones');
    }
    head = one;
    if (one.body === 'chunked') chunks = createChunkReader();
    else left = one.body === 'until-close' ? Number.POSITIVE_INFINITY : one.body;
    onHead(one);
    if (one.body === 0) onEnd(one);
  }

  function readBody(one: AnswerHead, bytes: Buffer): number {
    if (chunks !== undefined) {
      const used = chunks.read(bytes, onPiece);
      if (chunks.done) onEnd(one);
      return used;
    }
    const piece = bytes.subarray(0, left);
    onPiece(piece);
    left -= piece.length;
    if (left === 0) onEnd(one);
    return piece.length;
  }

  return { read: (bytes) => (head === undefined ? readHead(bytes) : readBody(head, bytes)) };
}
