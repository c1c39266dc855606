/** What the mock file manager keeps: of each file its hash, size and permissions, and what its calls do to them. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import * as z from 'zod';

export interface KeptFile {
  sizeBytes: number;
  sha256: string;
  etag: string;
  permissions: unknown;
  attributes: unknown;
}

/** A call, read to its end. */
interface ReadCall {
  /** As it was received; empty for a stream. */
  body: string;
  told: {
    key: string;
    from?: string;
    sizeBytes?: number;
    sha256?: string;
    etag?: string;
    permissions?: unknown;
  };
  /** Does what the call asks for; throws `Refusal`. */
  apply(): void;
}

export interface FileKeeper {
  files: ReadonlyMap<string, KeptFile>;
  read(op: string, request: IncomingMessage): Promise<ReadCall>;
}

const named = z.object({ key: z.string().min(1) });
const bodies = {
  updatePermissions: named.extend({ permissions: z.record(z.string(), z.unknown()) }),
  delete: named,
  rename: z.object({ from: z.string().min(1), to: z.string().min(1) }),
};

export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function createFileKeeper(): FileKeeper {
  const files = new Map<string, KeptFile>();
  const permissions = new Map<string, unknown>();

  async function read(op: string, request: IncomingMessage): Promise<ReadCall> {
    if (op === 'saveToDisk') {
      const hash = createHash('sha256');
      let sizeBytes = 0;
      for await (const chunk of request) {
        hash.update(chunk);
        sizeBytes += chunk.length;
      }
      const header = (name: string) => String(request.headers[name] ?? '');
      const key = decodeURIComponent(header('sluice-key'));
      const attributes: unknown = JSON.parse(Buffer.from(header('sluice-attributes'), 'base64').toString());
      const file = { sizeBytes, sha256: hash.digest('hex'), etag: header('sluice-etag'), attributes };
      if (String(sizeBytes) !== header('sluice-size'))
        throw new Refusal(400, 'not the size that was announced');
      return {
        body: '',
        told: { key, sizeBytes, sha256: file.sha256, etag: file.etag },
        apply: () => void files.set(key, { ...file, permissions: permissions.get(key) ?? {} }),
      };
    }
    const body = await text(request);
    const value: unknown = JSON.parse(body);
    if (op === 'updatePermissions') {
      const { key, permissions: told } = bodies.updatePermissions.parse(value);
      const apply = () => {
        permissions.set(key, told);
        const file = files.get(key);
        if (file !== undefined) files.set(key, { ...file, permissions: told });
      };
      return { body, told: { key, permissions: told }, apply };
    }
    if (op === 'delete') {
      const { key } = bodies.delete.parse(value);
      const apply = () => {
        files.delete(key);
        permissions.delete(key);
      };
      return { body, told: { key }, apply };
    }
    const { from, to } = bodies.rename.parse(value);
    const file = files.get(from);
    const apply = () => {
      if (file === undefined) throw new Refusal(404, 'no such file');
      files.set(to, file);
      permissions.set(to, file.permissions);
      files.delete(from);
      permissions.delete(from);
    };
    return { body, told: { key: to, from }, apply };
  }

  return { files, read };
}
