/** The files of the tour: what each must be everywhere is known from the moment it is written. */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { dropFile } from '../drop-file.ts';

export interface SampleFile {
  sizeBytes: number;
  /** Hexadecimal. */
  sha256: string;
}

export interface SampleFiles {
  /** By key. */
  written: ReadonlyMap<string, SampleFile>;
  /** Random bytes, under that name below the `output` folder. */
  drop(name: string, sizeBytes: number): Promise<void>;
}

/** @param outputDir what is dropped there has keys that begin with `output/` */
export function createSampleFiles(outputDir: string): SampleFiles {
  const written = new Map<string, SampleFile>();
  return {
    written,
    async drop(name, sizeBytes) {
      const bytes = randomBytes(sizeBytes);
      written.set(`output/${name}`, { sizeBytes, sha256: createHash('sha256').update(bytes).digest('hex') });
      await dropFile(join(outputDir, name), bytes);
    },
  };
}

/** Names that a careless tool stumbles over. */
export const NAMES = [
  'plain.txt',
  'with space.txt',
  'plus+and&percent%20.txt',
  'Übergröße.txt',
  '日本語/漢字.txt',
  'deep/er/and/deeper.bin',
  'quote\'and"quote.txt',
  '<b>not markup</b>.html',
] as const;
