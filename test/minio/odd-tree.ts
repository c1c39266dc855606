/** A tree of files whose names, dates and sizes tools have stumbled over. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface OddFile {
  path: string;
  /** As `touch --date` takes it. */
  modified: string;
  sizeBytes: number;
}

const MIB = 1024 * 1024;
const PLAIN_DATE = '2024-02-29 12:34:56.123456789 UTC';

const NAMES = [
  'plain',
  'sp ace',
  ' both ends ',
  'plus+',
  'per%cent %41',
  'ünï',
  'e\u0301',
  '😀',
  '\uff5e',
  `q'uo"te(s)*!`,
  'semi;colon',
  'a&b=c?d#e',
  '[brackets]{braces}',
  'back\\slash',
  '-dash',
  'ends.with.dot.',
  'colon:comma,',
  'deep/er/and deeper/file',
  'deep/er.file',
  'deep0',
];

/** One past: before 1970; the others are long gone, just now, or in the last of a nanosecond's digits. */
const DATES = [
  ['dates/before 1970', '1969-12-31 23:59:58.500000001 UTC'],
  ['dates/first second', '1970-01-01 00:00:00.000000001 UTC'],
  ['dates/whole second', '2001-02-03 04:05:06 UTC'],
  ['dates/last nanosecond', '2019-12-31 23:59:59.999999999 UTC'],
] as const;

const SIZES = [
  ['sizes/empty', 0],
  ['sizes/whole', 5 * MIB],
  ['sizes/in parts', 11 * MIB + 1],
] as const;

/** Writes the files below `root` and answers their paths. */
export function plantOddTree(root: string): string[] {
  const files: OddFile[] = [
    ...NAMES.map((path) => ({ path, modified: PLAIN_DATE, sizeBytes: 5 })),
    ...DATES.map(([path, modified]) => ({ path, modified, sizeBytes: 5 })),
    ...SIZES.map(([path, sizeBytes]) => ({ path, modified: PLAIN_DATE, sizeBytes })),
  ];
  for (const { path, modified, sizeBytes } of files) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.alloc(sizeBytes, path));
    touch(file, modified);
  }
  return files.map(({ path }) => path);
}

/** Node's own utimes has no nanoseconds. */
export function touch(file: string, modified: string): void {
  execFileSync('touch', [`--date=${modified}`, '--', file]);
}
