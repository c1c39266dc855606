/** A file manager in memory: a known idempotency key does nothing, as docs/file-manager.md asks of every one. */
import { createHash } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { FileManager } from '#core/ports.ts';

export interface MemoryFileManager extends FileManager {
  readonly files: ReadonlyMap<string, { md5: string; permissions: string }>;
  /** What was asked for, repeated or not, as `op key`. */
  readonly calls: readonly string[];
  /** Idempotency key -> the one call it stood for. */
  readonly told: ReadonlyMap<string, string>;
}

export function createMemoryFileManager(): MemoryFileManager {
  const files = new Map<string, { md5: string; permissions: string }>();
  const permissions = new Map<string, string>();
  const calls: string[] = [];
  const told = new Map<string, string>();

  /** One key that stands for two calls would make one of them do nothing. */
  function once(id: string, call: string, apply: () => void): void {
    calls.push(call.split(' ', 2).join(' '));
    const before = told.get(id);
    if (before !== undefined && before !== call)
      throw new Error(`one idempotency key for ${before} and ${call}`);
    if (before === undefined) apply();
    told.set(id, call);
  }

  return {
    files,
    calls,
    told,
    async updatePermissions({ key, permissions: value }, id) {
      const text = JSON.stringify(value);
      once(id, `updatePermissions ${key} ${text}`, () => {
        permissions.set(key, text);
        const file = files.get(key);
        if (file !== undefined) files.set(key, { ...file, permissions: text });
      });
    },
    async saveToDisk(head, body, id) {
      const md5 = createHash('md5');
      for await (const chunk of body) md5.update(chunk);
      const digest = md5.digest('hex');
      once(id, `saveToDisk ${head.key} ${digest}`, () =>
        files.set(head.key, { md5: digest, permissions: permissions.get(head.key) ?? '{}' }),
      );
    },
    async delete(key, id) {
      once(id, `delete ${key}`, () => {
        files.delete(key);
        permissions.delete(key);
      });
    },
    async rename(from, to, id) {
      const file = files.get(from);
      if (file === undefined && !told.has(id)) {
        throw new SyncError('no such file', { op: 'rename', key: to, retryable: false, code: 'HTTP 404' });
      }
      once(id, `rename ${from} ${to}`, () => {
        if (file === undefined) return;
        files.set(to, file);
        permissions.set(to, file.permissions);
        files.delete(from);
        permissions.delete(from);
      });
    },
  };
}
