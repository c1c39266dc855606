/** Hashes up to eight streams at once in one thread, each as far as it has got: `md5-kernel.ts` does the arithmetic. */
import { BLOCK_BYTES, inputAt, LANES, md5Module, STEP_BYTES, stateAt } from './md5-kernel.ts';

export interface Md5Stream {
  /**
   * The next bytes, which stay as they are until the next call; so many as a multiple of 64, except at the end. Empty:
   * that was all.
   */
  read(): Uint8Array;
  /** Hex, of all that was read. */
  done(md5: string): void;
  /** What `read` threw; the stream is given up. */
  failed(error: unknown): void;
}

export interface Md5Lanes {
  /** Whether another stream can begin. */
  free(): boolean;
  busy(): boolean;
  begin(stream: Md5Stream): void;
  /** Takes in the next bytes of each: as many as the one with the fewest has at hand. */
  step(): void;
}

interface Lane {
  number: number;
  stream: Md5Stream | undefined;
  /** Whole blocks; those before `at` are taken in. */
  piece: Uint8Array;
  at: number;
  /** What is no whole block, at the end. */
  rest: Uint8Array;
  totalBytes: number;
  padded: boolean;
}

interface Kernel {
  memory: { buffer: ArrayBuffer };
  eight(state: number, input: number, blocks: number): void;
  one(state: number, input: number, blocks: number): void;
}

/** https://webassembly.github.io/spec/js-api/; Node's types do not have it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object) => { exports: object };
};

const INITIAL_STATE = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
const LENGTH_BYTES = 8;
/** For fewer, one chain after the other is quicker than eight of which most are idle. */
const TOGETHER_FROM = 3;
const NOTHING = new Uint8Array();

export function createMd5Lanes(): Md5Lanes {
  const kernel = new WebAssembly.Instance(new WebAssembly.Module(md5Module())).exports as Kernel;
  const memory = Buffer.from(kernel.memory.buffer);
  const lanes = Array.from({ length: LANES }, (_, number): Lane => idleLane(number));
  let active: Lane[] = [];

  function refill(lane: Lane, stream: Md5Stream): void {
    while (lane.at === lane.piece.length && lane.stream === stream) {
      lane.at = 0;
      if (lane.padded) finish(lane, stream);
      else lane.piece = nextOf(lane, stream);
    }
  }

  function nextOf(lane: Lane, stream: Md5Stream): Uint8Array {
    if (lane.rest.length === 0) {
      const bytes = stream.read();
      lane.totalBytes += bytes.length;
      const whole = bytes.length - (bytes.length % BLOCK_BYTES);
      lane.rest = bytes.subarray(whole);
      if (whole > 0) return bytes.subarray(0, whole);
    }
    lane.padded = true;
    return padding(lane.rest, lane.totalBytes);
  }

  function finish(lane: Lane, stream: Md5Stream): void {
    const digest = Buffer.alloc(INITIAL_STATE.length * 4);
    for (const word of INITIAL_STATE.keys())
      memory.copy(digest, word * 4, stateAt(lane.number, word), stateAt(lane.number, word) + 4);
    Object.assign(lane, idleLane(lane.number));
    stream.done(digest.toString('hex'));
  }

  function refillAll(): void {
    for (const lane of lanes) {
      const { stream } = lane;
      if (stream === undefined) continue;
      try {
        refill(lane, stream);
      } catch (error) {
        Object.assign(lane, idleLane(lane.number));
        stream.failed(error);
      }
    }
    active = lanes.filter(({ stream }) => stream !== undefined);
  }

  /** The lane's next bytes, for the kernel. */
  function put(lane: Lane, blocks: number): void {
    const end = lane.at + blocks * BLOCK_BYTES;
    memory.set(lane.piece.subarray(lane.at, end), inputAt(lane.number));
    lane.at = end;
  }

  const blocksOf = (lane: Lane) => Math.min(lane.piece.length - lane.at, STEP_BYTES) / BLOCK_BYTES;

  return {
    free: () => lanes.some(({ stream }) => stream === undefined),
    busy: () => lanes.some(({ stream }) => stream !== undefined),
    begin(stream) {
      const lane = lanes.find((each) => each.stream === undefined);
      if (lane === undefined) throw new Error('no lane is free');
      lane.stream = stream;
      for (const [word, value] of INITIAL_STATE.entries())
        memory.writeUInt32LE(value, stateAt(lane.number, word));
    },
    step() {
      refillAll();
      if (active.length >= TOGETHER_FROM) {
        const blocks = Math.min(...active.map(blocksOf));
        for (const lane of active) put(lane, blocks);
        kernel.eight(0, 0, blocks);
        return;
      }
      for (const lane of active) {
        const blocks = blocksOf(lane);
        put(lane, blocks);
        kernel.one(stateAt(lane.number, 0), inputAt(lane.number), blocks);
      }
    },
  };
}

function idleLane(number: number): Lane {
  return { number, stream: undefined, piece: NOTHING, at: 0, rest: NOTHING, totalBytes: 0, padded: false };
}

/** The last bytes, a one bit, zeros, and the length in bits. */
function padding(rest: Uint8Array, totalBytes: number): Buffer {
  const needed = rest.length + 1 + LENGTH_BYTES;
  const blocks = Buffer.alloc(Math.ceil(needed / BLOCK_BYTES) * BLOCK_BYTES);
  blocks.set(rest);
  blocks[rest.length] = 0x80;
  blocks.writeBigUInt64LE(BigInt(totalBytes) * 8n, blocks.length - LENGTH_BYTES);
  return blocks;
}
