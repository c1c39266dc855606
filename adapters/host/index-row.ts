/** One file's row, and the sum that tells a row that changed on the disk: SQLite itself does not notice a flipped bit. */
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { fingerprintOf, STAMP_BYTES, stampOf } from './stamp.ts';
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
  'stamp',
  'md5',
  'etag',
  'version_id',
  'part_bytes',
  'state',
  'attempts',
  'next_attempt_ms',
  'last_error',
  'sum',
];
const COLUMNS = [...KEY, ...VALUES];
/** In the order of `valuesOf`. */
export const ROW_COLUMNS = COLUMNS.join(', ');
/** An update in place: REPLACE would take the row out of every index and put it in again. */
export const PUT_ROW = `INSERT INTO files (${ROW_COLUMNS}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT DO UPDATE SET ${VALUES.map((name) => `${name} = excluded.${name}`).join(', ')}`;

const TEXTS = ['folder', 'md5', 'etag', 'version_id', 'state', 'last_error'];
const INTEGERS = ['part_bytes', 'attempts', 'next_attempt_ms', 'sum'];

const numbers = new BigInt64Array(3);

export function valuesOf(row: IndexRow): SQLInputValue[] {
  const stamp = stampOf(row);
  return [
    row.folder,
    row.path,
    stamp,
    row.md5,
    row.etag,
    row.versionId,
    row.partBytes,
    row.state,
    row.attempts,
    Math.round(row.nextAttemptMs),
    row.lastError,
    sumOf(row, stamp),
  ];
}

/** The row as it was written, or `damaged` when the disk gave back something else. */
export function rowOf(values: Record<string, SQLOutputValue>): IndexRow | 'damaged' {
  if (!wellTyped(values)) return 'damaged';
  const stamp = values.stamp as Uint8Array;
  const row: IndexRow = {
    folder: values.folder as string,
    path: bufferOf(values.path as Uint8Array),
    ...fingerprintOf(stamp),
    md5: values.md5 as string,
    etag: values.etag as string,
    versionId: values.version_id as string,
    partBytes: Number(values.part_bytes),
    state: values.state as IndexRow['state'],
    attempts: Number(values.attempts),
    nextAttemptMs: Number(values.next_attempt_ms),
    lastError: values.last_error as string,
  };
  return Number(values.sum) === sumOf(row, stamp) ? row : 'damaged';
}

/** SQLite keeps the type with each value, so that a flipped bit can make a number of a text. */
function wellTyped(values: Record<string, SQLOutputValue>): boolean {
  return (
    values.path instanceof Uint8Array &&
    values.stamp instanceof Uint8Array &&
    values.stamp.length === STAMP_BYTES &&
    TEXTS.every((name) => typeof values[name] === 'string') &&
    INTEGERS.every((name) => typeof values[name] === 'bigint')
  );
}

/** The same bytes, not a copy: there may be millions of them. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sumOf(row: IndexRow, stamp: Uint8Array): number {
  numbers[0] = BigInt(row.partBytes);
  numbers[1] = BigInt(row.attempts);
  numbers[2] = BigInt(Math.round(row.nextAttemptMs));
  const { folder, md5, etag, versionId, state, lastError } = row;
  const sum = crc32(row.path, crc32(numbers, crc32(stamp)));
  return crc32(`${folder}\0${md5}\0${etag}\0${versionId}\0${state}\0${lastError}`, sum);
}
