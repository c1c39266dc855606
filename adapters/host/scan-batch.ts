/** Scanned files between threads: numbers in one array and names in another are moved, thousands of objects copied. */
import type { ScannedFile } from './scan.ts';

export interface PackedFiles {
  numbers: BigInt64Array<ArrayBuffer>;
  names: Uint8Array<ArrayBuffer>;
}

const FIELDS = 10;

export function packFiles(files: readonly ScannedFile[]): PackedFiles {
  const numbers = new BigInt64Array(files.length * FIELDS);
  const names = new Uint8Array(files.reduce((total, { path }) => total + path.length, 0));
  let at = 0;
  let nameStart = 0;
  for (const { path, state } of files) {
    numbers.set(
      [
        BigInt.asIntN(64, state.dev),
        BigInt.asIntN(64, state.ino),
        BigInt(state.sizeBytes),
        state.mtimeNs,
        state.ctimeNs,
        BigInt(state.mode),
        BigInt(state.uid),
        BigInt(state.gid),
        BigInt(state.nlink),
        BigInt(path.length),
      ],
      at,
    );
    names.set(path, nameStart);
    at += FIELDS;
    nameStart += path.length;
  }
  return { numbers, names };
}

export function unpackFiles({ numbers, names }: PackedFiles): ScannedFile[] {
  const files: ScannedFile[] = [];
  const bytes = Buffer.from(names.buffer, names.byteOffset, names.byteLength);
  let nameStart = 0;
  for (let at = 0; at < numbers.length; at += FIELDS) {
    const field = (index: number) => numbers[at + index] ?? 0n;
    const nameEnd = nameStart + Number(field(9));
    files.push({
      path: bytes.subarray(nameStart, nameEnd),
      state: {
        dev: BigInt.asUintN(64, field(0)),
        ino: BigInt.asUintN(64, field(1)),
        sizeBytes: Number(field(2)),
        mtimeNs: field(3),
        ctimeNs: field(4),
        mode: Number(field(5)),
        uid: Number(field(6)),
        gid: Number(field(7)),
        nlink: Number(field(8)),
      },
    });
    nameStart = nameEnd;
  }
  return files;
}
