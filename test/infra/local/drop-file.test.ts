import { existsSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { dropFile } from '../../../infra/local/drop-file.ts';

it('writes every file although its directory is removed again and again as soon as it is empty', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-drop-'));
  const directory = join(folder, 'run');
  let removed = 0;
  let over = false;
  const emptied = (async () => {
    while (!over) {
      try {
        if (existsSync(directory)) rmdirSync(directory);
        removed++;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
        rmSync(directory, { recursive: true });
      }
      await new Promise(setImmediate);
    }
  })();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (let n = 0; n < 200; n++) await dropFile(join(directory, `f${n}`), 'content');
  over = true;
  await emptied;
  expect(removed).toBeGreaterThan(0);
  await dropFile(join(directory, 'last'), 'content');
  expect(readFileSync(join(directory, 'last'), 'utf8')).toBe('content');
});
