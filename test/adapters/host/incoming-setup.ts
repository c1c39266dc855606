/** Files that arrive in a real folder. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createIncoming, type IncomingFile } from '#adapters/host/incoming.ts';
import { type PlacePolicy, placeFile } from '#adapters/host/place.ts';
import { temporaryFolder } from './folder.ts';

export const NAME = Buffer.from('f');

export function incomingSetup() {
  const root = temporaryFolder();
  const incoming = createIncoming(Buffer.from(root));
  onTestFinished(incoming.close);
  const finished = async (content: string, key = 'f'): Promise<IncomingFile> => {
    const file = incoming.begin(key);
    onTestFinished(() => file.release());
    await file.write(Buffer.from(content));
    await file.finish({ mode: 0o644 });
    return file;
  };
  const aside: string[] = [];
  const policy = (ours: boolean | (() => boolean)): PlacePolicy => ({
    isOurs: typeof ours === 'function' ? ours : () => ours,
    hold: () => 'unsupported',
    movedAside: (name) => void aside.push(String(name)),
    sync: incoming.sync,
  });
  return {
    root,
    incoming,
    finished,
    aside,
    policy,
    read: (name: string) => readFileSync(join(root, name), 'utf8'),
    temporary: () => readdirSync(join(root, '.sluice/incoming')),
    async place(file: IncomingFile, ours: boolean | (() => boolean) = false, path = '') {
      const directory = await incoming.directory(Buffer.from(path));
      try {
        return await placeFile(directory, NAME, file, policy(ours));
      } finally {
        closeSync(directory.fd);
      }
    },
  };
}
