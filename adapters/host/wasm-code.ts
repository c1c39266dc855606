/**
 * WebAssembly as bytes: as much of it as md5-kernel.ts needs.
 * https://webassembly.github.io/spec/core/binary/index.html
 */

export type Code = number[];

export const I32 = 0x7f;
const V128 = 0x7b;
export const LOOP = [0x03, 0x40];
export const REPEAT_IF = [0x0d, 0];
export const END = [0x0b];
export const I32_ADD = [0x6a];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const tee = (local: number): Code => [0x22, ...unsigned(local)];
export const i32 = (value: number): Code => [0x41, ...signed(value | 0)];
const simd = (operation: number, ...rest: Code): Code => [0xfd, ...unsigned(operation), ...rest];

/** What is done to a word, or to one word of each of four lanes at once. */
export interface Words {
  type: number;
  load(offset: number): Code;
  store(offset: number): Code;
  constant(value: number): Code;
  add: Code;
  and: Code;
  or: Code;
  xor: Code;
  not: Code;
  rotate(bits: number, scratch: number): Code;
}

export const ONE: Words = {
  type: I32,
  load: (offset) => [0x28, 2, ...unsigned(offset)],
  store: (offset) => [0x36, 2, ...unsigned(offset)],
  constant: i32,
  add: I32_ADD,
  and: [0x71],
  or: [0x72],
  xor: [0x73],
  not: [...i32(-1), 0x73],
  rotate: (bits) => [...i32(bits), 0x77],
};

export const FOUR: Words = {
  type: V128,
  load: (offset) => simd(0x00, 2, ...unsigned(offset)),
  store: (offset) => simd(0x0b, 2, ...unsigned(offset)),
  constant: (value) => simd(0x0c, ...Array.from({ length: 4 }, () => littleEndian(value)).flat()),
  add: simd(0xae),
  and: simd(0x4e),
  or: simd(0x50),
  xor: simd(0x51),
  not: simd(0x4d),
  rotate: (bits, scratch) => [
    ...[...tee(scratch), ...i32(bits), ...simd(0xab)],
    ...[...get(scratch), ...i32(32 - bits), ...simd(0xad)],
    ...simd(0x50),
  ],
};

/** Words by their number among the eight of the two vectors on the stack. */
export function shuffle(...words: number[]): Code {
  return simd(0x0d, ...words.flatMap((word) => [0, 1, 2, 3].map((byte) => word * 4 + byte)));
}

export function section(id: number, items: Code[]): Code {
  const body = list(items);
  return [id, ...unsigned(body.length), ...body];
}

export function list(items: Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

export function name(text: string): Code {
  return list([...new TextEncoder().encode(text)].map((byte) => [byte]));
}

function littleEndian(value: number): Code {
  return [0, 8, 16, 24].map((bits) => (value >>> bits) & 0xff);
}

/** LEB128: seven bits a byte, the lowest first. */
export function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const rest = value >> 7;
  const signs = (value & 0x40) === 0 ? 0 : -1;
  return rest === signs ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(rest)];
}
