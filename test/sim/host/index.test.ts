/** The index of a simulated host keeps the contract that the database keeps. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { openIndex } from '#adapters/host/index-db.ts';
import { temporaryFolder } from '../../adapters/host/folder.ts';
import { hostIndexContract } from '../../contracts/host-index.ts';
import { createIndexDisk, createMemoryIndex } from '../../doubles/host-index-memory.ts';

hostIndexContract('the database', () => {
  const file = join(temporaryFolder(), 'index.db');
  return {
    open: () => openIndex(file),
    reopen() {
      // The journal is what a process that has died leaves.
      const copy = join(temporaryFolder(), 'index.db');
      for (const suffix of ['', '-wal', '.id', '.sending']) {
        if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
      }
      return openIndex(copy);
    },
  };
});

hostIndexContract('the index of a simulated host', () => {
  const disk = createIndexDisk();
  return { open: () => createMemoryIndex(disk), reopen: () => createMemoryIndex(structuredCloneOf(disk)) };
});

function structuredCloneOf(disk: ReturnType<typeof createIndexDisk>): ReturnType<typeof createIndexDisk> {
  return {
    rows: new Map(disk.rows),
    uploads: new Map(disk.uploads),
    notes: new Map(disk.notes),
    requests: [],
    sending: [...disk.sending],
  };
}
