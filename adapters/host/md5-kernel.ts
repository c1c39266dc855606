/**
 * MD5 as a WebAssembly module, generated here: of one stream, and of eight side by side in the lanes of vectors.
 *
 * MD5 is a chain in which each of 64 steps a block waits for the one before, so that a core spends most of its time
 * waiting. Eight chains fill it: three times OpenSSL's rate in sum. S3 wants the MD5 of every body and part, and nothing
 * else on a large file's way costs as much.
 *
 * The steps: https://www.rfc-editor.org/rfc/rfc1321#section-3.4.
 */
import {
  type Code,
  END,
  FOUR,
  get,
  I32,
  I32_ADD,
  i32,
  LOOP,
  list,
  name,
  ONE,
  REPEAT_IF,
  section,
  set,
  shuffle,
  tee,
  unsigned,
  type Words,
} from './wasm-code.ts';

export const LANES = 8;
/** Of each lane at a time: all lanes together fit a second-level cache. */
export const STEP_BYTES = 16_384;
export const BLOCK_BYTES = 64;

const PAGE_BYTES = 65_536;
const INPUT_AT = 1024;
/** Lanes at a power of two apart would share the same few lines of the cache. */
const LANE_BYTES = STEP_BYTES + 64;
const LANES_OF_VECTOR = 4;
const WORDS = 4;
const VECTOR_BYTES = 16;

/** Where the functions of the module read a lane's blocks. */
export const inputAt = (lane: number): number => INPUT_AT + lane * LANE_BYTES;
/** Where they keep one of the four words of a lane's state: the same word of four lanes is one vector. */
export const stateAt = (lane: number, word: number): number =>
  (Math.floor(lane / LANES_OF_VECTOR) * WORDS + word) * VECTOR_BYTES + (lane % LANES_OF_VECTOR) * 4;

/** The parameters of both functions; their other locals come behind. */
const [STATE, INPUT, BLOCKS, FIRST_LOCAL] = [0, 1, 2, 3];

/** Numbers of locals: what one chain, or four side by side, is computed in. */
interface Registers {
  state: number[];
  before: number[];
  message: number[];
  scratch: number;
}

const ROTATIONS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];
/** Which word of the block a step takes, modulo 16. */
const MESSAGE = [
  (step: number) => step,
  (step: number) => 5 * step + 1,
  (step: number) => 3 * step + 5,
  (step: number) => 7 * step,
];

/**
 * Exports `memory`, and two functions of (state, input, blocks), at least one block each: `one` takes blocks that begin at
 * the address `input` into the state whose first word is at the address `state`; `eight` takes those of all lanes into
 * theirs, for the addresses 0 and 0.
 */
export function md5Module(): Uint8Array<ArrayBuffer> {
  const pages = Math.ceil(inputAt(LANES) / PAGE_BYTES);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...list([[I32], [I32], [I32]]), 0]]),
    ...section(3, [[0], [0]]),
    ...section(5, [[0, ...unsigned(pages)]]),
    ...section(7, [
      [...name('memory'), 2, 0],
      [...name('eight'), 0, 0],
      [...name('one'), 0, 1],
    ]),
    ...section(10, [eight(), one()]),
  ]);
}

function one(): Code {
  const registers = registersFrom(FIRST_LOCAL);
  const fetch = registers.message.map((local, word) => [...get(INPUT), ...ONE.load(word * 4), ...set(local)]);
  return chain(ONE, [registers], fetch.flat(), registers.scratch + 1);
}

/** Two vectors in turns, step by step: while one waits for its result, the other goes on. */
function eight(): Code {
  const first = registersFrom(FIRST_LOCAL);
  const second = registersFrom(first.scratch + 1);
  const rows = locals(second.scratch + 1, LANES_OF_VECTOR);
  const groups = [first, second];
  const fetch = groups.flatMap(({ message }, group) =>
    [0, 4, 8, 12].flatMap((word) =>
      transposed(message.slice(word, word + 4), rows, group * LANES_OF_VECTOR, word),
    ),
  );
  return chain(FOUR, groups, fetch, second.scratch + 1 + rows.length);
}

function registersFrom(start: number): Registers {
  return {
    state: locals(start, WORDS),
    before: locals(start + WORDS, WORDS),
    message: locals(start + 2 * WORDS, 16),
    scratch: start + 2 * WORDS + 16,
  };
}

/** Four words of each of four lanes, as they follow in memory, become four vectors of the same word of each lane. */
function transposed(columns: number[], rows: number[], lane: number, word: number): Code {
  const [a = 0, b = 0, c = 0, d = 0] = rows;
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = columns;
  return [
    ...rows.flatMap((row, index) => [
      ...get(INPUT),
      ...FOUR.load(inputAt(lane + index) + word * 4),
      ...set(row),
    ]),
    ...[...get(a), ...get(b), ...shuffle(0, 4, 1, 5), ...set(w0)],
    ...[...get(c), ...get(d), ...shuffle(0, 4, 1, 5), ...set(w1)],
    ...[...get(a), ...get(b), ...shuffle(2, 6, 3, 7), ...set(w2)],
    ...[...get(c), ...get(d), ...shuffle(2, 6, 3, 7), ...set(w3)],
    ...[...get(w0), ...get(w1), ...shuffle(0, 1, 4, 5), ...set(a)],
    ...[...get(w0), ...get(w1), ...shuffle(2, 3, 6, 7), ...set(w1)],
    ...[...get(w2), ...get(w3), ...shuffle(0, 1, 4, 5), ...set(b)],
    ...[...get(w2), ...get(w3), ...shuffle(2, 3, 6, 7), ...set(w3)],
    ...[...get(a), ...set(w0), ...get(b), ...set(w2)],
  ];
}

/** The body of a function: the states are loaded, every block is fetched and taken in, the states are stored. */
function chain(words: Words, groups: Registers[], fetch: Code, end: number): Code {
  const each = (body: (registers: Registers, group: number) => Code) => groups.flatMap(body);
  const code = [
    ...each(({ state }, group) =>
      state.flatMap((local, word) => [
        ...get(STATE),
        ...words.load(stateAt(group * LANES_OF_VECTOR, word)),
        ...set(local),
      ]),
    ),
    ...LOOP,
    ...fetch,
    ...each(({ state, before }) =>
      state.flatMap((local, word) => [...get(local), ...set(before[word] ?? 0)]),
    ),
    ...Array.from({ length: 64 }, (_, step) => each((registers) => taken(words, registers, step))).flat(),
    ...each(({ state, before }) =>
      state.flatMap((local, word) => [...get(local), ...get(before[word] ?? 0), ...words.add, ...set(local)]),
    ),
    ...[...get(INPUT), ...i32(BLOCK_BYTES), ...I32_ADD, ...set(INPUT)],
    ...[...get(BLOCKS), ...i32(-1), ...I32_ADD, ...tee(BLOCKS), ...REPEAT_IF],
    ...END,
    ...each(({ state }, group) =>
      state.flatMap((local, word) => [
        ...get(STATE),
        ...get(local),
        ...words.store(stateAt(group * LANES_OF_VECTOR, word)),
      ]),
    ),
    ...END,
  ];
  const declared = list([[...unsigned(end - FIRST_LOCAL), words.type]]);
  return [...unsigned(declared.length + code.length), ...declared, ...code];
}

/** a = b + ((a + F(b, c, d) + X[k] + T[i]) <<< s); then the four change places. */
function taken(words: Words, { state, message, scratch }: Registers, step: number): Code {
  const round = Math.floor(step / 16);
  const [a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3].map((place) => state[(place + 64 - step) % WORDS] ?? 0);
  const word = message[(MESSAGE[round]?.(step) ?? 0) % 16] ?? 0;
  return [
    ...[...get(a), ...get(word), ...words.add],
    ...[...words.constant(Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32)), ...words.add],
    ...mixed(words, round, b, c, d),
    ...words.add,
    ...words.rotate(ROTATIONS[round]?.[step % 4] ?? 0, scratch),
    ...[...get(b), ...words.add, ...set(a)],
  ];
}

/** F, G, H or I: written so that what depends on b, which is the last to be known, comes last. */
function mixed({ and, or, xor, not, add }: Words, round: number, b: number, c: number, d: number): Code {
  switch (round) {
    case 0:
      return [...get(d), ...get(c), ...get(d), ...xor, ...get(b), ...and, ...xor];
    case 1:
      // No bit is in both halves, so that they can be added one after the other.
      return [...get(d), ...not, ...get(c), ...and, ...add, ...get(d), ...get(b), ...and];
    case 2:
      return [...get(c), ...get(d), ...xor, ...get(b), ...xor];
    default:
      return [...get(d), ...not, ...get(b), ...or, ...get(c), ...xor];
  }
}

function locals(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => start + index);
}
