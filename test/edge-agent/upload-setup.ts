/** One real file, a real index, and a store in memory that fails when it is told to. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createByteBudget } from '#adapters/byte-budget.ts';
import { openIndex } from '#adapters/host/index-db.ts';
import { statOf } from '#adapters/host/tree.ts';
import { SyncError } from '#core/errors.ts';
import { objectKey } from '#core/key.ts';
import { fileMetadata } from '#core/metadata.ts';
import type { ObjectStore } from '#core/ports.ts';
import { type Uploaded, uploadFile } from '../../edge-agent/upload-file.ts';
import { temporaryFolder } from '../adapters/host/folder.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

export const MIB = 1024 * 1024;
export const KEY = objectKey('out/f');
export const PATH = Buffer.from('f');

export function unreachable(): SyncError {
  return new SyncError('the connection was reset', { op: 'UploadPart', retryable: true, code: 'ECONNRESET' });
}

/** A megabyte of one letter each, so that parts differ. */
export function lettered(text: string): Buffer {
  return Buffer.concat([...text].map((letter) => Buffer.alloc(MIB, letter)));
}

export interface UploadOptions {
  store?: ObjectStore;
  partBytes?: number;
  ifAbsent?: boolean;
  wholeMd5?: boolean;
  checkpoint?: () => void;
  nowMs?: () => number;
}

export function uploadSetup(content: Buffer) {
  const root = temporaryFolder();
  const file = join(root, 'f');
  writeFileSync(file, content);
  const indexFile = join(temporaryFolder(), 'index.db');
  const index = openIndex(indexFile);
  onTestFinished(() => index.close());
  const memory = createMemoryStore();
  const budget = createByteBudget(4 * MIB);

  /** As the agent does it: opens, looks, sends. */
  async function upload(options: UploadOptions = {}): Promise<Uploaded> {
    const {
      store = memory,
      partBytes = MIB,
      ifAbsent,
      wholeMd5 = false,
      checkpoint = () => undefined,
    } = options;
    const fd = openSync(file, 'r');
    try {
      const state = statOf(fd);
      return await uploadFile(
        // The file was just written; to be seen as at rest it has to be a while ago.
        { store, index, parts: budget, nowMs: options.nowMs ?? (() => Date.now() + 60_000) },
        {
          folder: 'out',
          path: PATH,
          fd,
          state,
          key: KEY,
          attributes: (md5, bytes) => ({
            metadata: fileMetadata({ mtimeNs: state.mtimeNs, md5: md5 ?? '', partBytes: bytes }),
            ...(ifAbsent === undefined ? {} : { ifAbsent }),
          }),
          checkpoint,
          wholeMd5,
        },
        partBytes,
      );
    } finally {
      closeSync(fd);
    }
  }

  const sentParts = () => memory.calls.filter((call) => call.startsWith('uploadPart')).length;
  /** Lets so many calls of the operation through, then fails each with the error. */
  const failAfter = (op: string, calls: number, error: () => Error = unreachable) => {
    let seen = 0;
    memory.before((called) => {
      if (called === op && ++seen > calls) throw error();
    });
  };
  return { file, index, indexFile, memory, upload, sentParts, failAfter };
}
