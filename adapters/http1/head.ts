/**
 * The first part of an HTTP/1.1 answer, read strictly: two readers of a lenient one may disagree where it ends, and
 * then the bytes of one object are taken for another's. https://www.rfc-editor.org/rfc/rfc9112
 */
import { ProtocolError } from './errors.ts';

export interface AnswerHead {
  status: number;
  /** Lower-case names; bytes above ASCII as one character each; a name that comes again is joined with `, `. */
  headers: Readonly<Record<string, string>>;
  /** Bytes of the body that follows, or how its end is told. */
  body: number | 'chunked' | 'until-close';
  /** Whether the connection may be used again. */
  keepAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LENGTH = /^\d{1,15}$/;

/**
 * @param text the head without the empty line that ends it, one character a byte
 * @throws ProtocolError when it is not as the RFC has it
 */
export function parseHead(text: string, method: string): AnswerHead {
  const lines = text.split('\r\n');
  const [, minor, code] = STATUS_LINE.exec(lines[0] ?? '') ?? [];
  if (code === undefined) throw new ProtocolError('the answer is not HTTP/1.1');
  const headers: Record<string, string> = {};
  for (let at = 1; at < lines.length; at++) addHeader(headers, lines[at] ?? '');
  const status = Number(code);
  const options = headers.connection?.toLowerCase() ?? '';
  return {
    status,
    headers,
    body: bodyOf(headers, status, method),
    keepAlive: minor === '1' && !options.includes('close'),
  };
}

/** Whether the value can go into a head as it is. */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value);
}

function addHeader(headers: Record<string, string>, line: string): void {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  const value = trimmed(line, colon + 1);
  // A name that begins with a space would be the continuation of the line before.
  if (!NAME.test(name) || !VALUE.test(value)) throw new ProtocolError('the answer has a malformed header');
  const key = name.toLowerCase();
  const before = headers[key];
  headers[key] = typeof before === 'string' ? `${before}, ${value}` : value;
}

/** Without spaces and tabs around it; `trim` would also take the byte A0, which is half of many a letter in UTF-8. */
function trimmed(line: string, from: number): string {
  let [start, end] = [from, line.length];
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-6.3 */
function bodyOf(
  headers: Readonly<Record<string, string>>,
  status: number,
  method: string,
): AnswerHead['body'] {
  if (method === 'HEAD' || status === 204 || status === 304) return 0;
  const { 'transfer-encoding': coding, 'content-length': length } = headers;
  if (coding !== undefined) {
    if (length !== undefined) throw new ProtocolError('the answer tells its length in two ways');
    if (coding.toLowerCase() !== 'chunked') throw new ProtocolError(`the answer is encoded as ${coding}`);
    return 'chunked';
  }
  if (length === undefined) return 'until-close';
  if (!LENGTH.test(length)) throw new ProtocolError(`the answer has the length ${length}`);
  return Number(length);
}
