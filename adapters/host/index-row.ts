/** One file's row, and the sum that tells a row that changed on the disk: SQLite itself does not notice a flipped bit. */
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Fingerprint } from './tree.ts';

export interface IndexRow extends Fingerprint {
  folder: string;
  /** Relative to the folder's root, in bytes. */
  path: Buffer;
  /** Hex; empty until known, as are `etag`, `versionId` and `lastError`. */
  md5: string;
  etag: string;
  versionId: string;
  /** Size of the parts the object was sent in; 0 when it was sent whole. */
  partBytes: number;
  /** `held`: its delete in the bucket waits for approval. */
  state: 'synced' | 'waiting' | 'parked' | 'held';
  attempts: number;
  nextAttemptMs: number;
  lastError: string;
}

const KEY = ['folder', 'path'];
const VALUES = [
  'dev',
  'ino',
  'size',
  'mtime_ns',
  'ctime_ns',
  'md5',
  'etag',
  'version_id',
  'part_bytes',
  'state',
];
const TRIES = ['attempts', 'next_attempt_ms', 'last_error', 'sum'];
const COLUMNS = [...KEY, ...VALUES, ...TRIES];
/** In the order of `valuesOf`. */
export const ROW_COLUMNS = COLUMNS.join(', ');
/** An update in place: REPLACE would take the row out of every index and put it in again. */
export const PUT_ROW = `INSERT INTO files (${ROW_COLUMNS}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${[...VALUES, ...TRIES].map((name) => `${name} = excluded.${name}`).join(', ')}`;

const TEXTS = ['folder', 'md5', 'etag', 'version_id', 'state', 'last_error'];
const INTEGERS = [
  'dev',
  'ino',
  'size',
  'mtime_ns',
  'ctime_ns',
  'part_bytes',
  'attempts',
  'next_attempt_ms',
  'sum',
];

const numbers = new BigInt64Array(8);

/** SQLite's integers are signed; device and inode numbers are not. */
export function valuesOf(row: IndexRow): SQLInputValue[] {
  return [
    row.folder,
    row.path,
    BigInt.asIntN(64, row.dev),
    BigInt.asIntN(64, row.ino),
    row.sizeBytes,
    row.mtimeNs,
    row.ctimeNs,
    row.md5,
    row.etag,
    row.versionId,
    row.partBytes,
    row.state,
    row.attempts,
    Math.round(row.nextAttemptMs),
    row.lastError,
    sumOf(row),
  ];
}

/** The row as it was written, or `damaged` when the disk gave back something else. */
export function rowOf(values: Record<string, SQLOutputValue>): IndexRow | 'damaged' {
  if (!wellTyped(values)) return 'damaged';
  const row = unprovenRowOf(values);
  return Number(values.sum) === sumOf(row) ? row : 'damaged';
}

/** SQLite keeps the type with each value, so that a flipped bit can make a number of a text. */
function wellTyped(values: Record<string, SQLOutputValue>): boolean {
  return (
    values.path instanceof Uint8Array &&
    TEXTS.every((name) => typeof values[name] === 'string') &&
    INTEGERS.every((name) => typeof values[name] === 'bigint')
  );
}

/** For rows of version 1, which have no sum. */
export function unprovenRowOf(values: Record<string, SQLOutputValue>): IndexRow {
  return {
    folder: values.folder as string,
    path: bufferOf(values.path as Uint8Array),
    ...fingerprintOf(values),
    md5: values.md5 as string,
    etag: values.etag as string,
    versionId: values.version_id as string,
    partBytes: Number(values.part_bytes),
    state: values.state as IndexRow['state'],
    attempts: Number(values.attempts),
    nextAttemptMs: Number(values.next_attempt_ms),
    lastError: values.last_error as string,
  };
}

/** The same bytes, not a copy: there may be millions of them. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function fingerprintOf(values: Record<string, SQLOutputValue>): Fingerprint {
  return {
    dev: BigInt.asUintN(64, values.dev as bigint),
    ino: BigInt.asUintN(64, values.ino as bigint),
    sizeBytes: Number(values.size),
    mtimeNs: values.mtime_ns as bigint,
    ctimeNs: values.ctime_ns as bigint,
  };
}

function sumOf(row: IndexRow): number {
  numbers[0] = row.dev;
  numbers[1] = row.ino;
  numbers[2] = BigInt(row.sizeBytes);
  numbers[3] = row.mtimeNs;
  numbers[4] = row.ctimeNs;
  numbers[5] = BigInt(row.partBytes);
  numbers[6] = BigInt(row.attempts);
  numbers[7] = BigInt(Math.round(row.nextAttemptMs));
  const { folder, md5, etag, versionId, state, lastError } = row;
  const sum = crc32(row.path, crc32(numbers));
  return crc32(`${folder}\0${md5}\0${etag}\0${versionId}\0${state}\0${lastError}`, sum);
}
