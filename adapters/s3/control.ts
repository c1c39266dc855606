/** Requests whose answer is a small XML document, and what is read from it. */
import { SyncError } from '#core/errors.ts';
import { unquote } from './headers.ts';
import { errorInSuccess } from './s3-error.ts';
import type { Wire, WireRequest } from './wire.ts';
import { parseXml, textAt } from './xml.ts';

/** Throws also for an error that comes with status 200. */
export async function control(wire: Wire, request: WireRequest & { key: string }) {
  const response = await wire.send({ ...request, slow: true });
  const text = await response.body.text();
  const error = errorInSuccess(text, request.op, request.key, wire.bucket);
  if (error !== undefined) throw error;
  const document = parseXml(text);
  return { root: Object.values(document)[0], headers: response.headers };
}

export function required(root: unknown, name: string, op: string, key: string): string {
  const value = textAt(root, name);
  if (value !== undefined && value !== '') return name === 'ETag' ? unquote(value) : value;
  throw new SyncError(`${op} ${key}: the store's answer has no ${name}`, { op, key, retryable: true });
}

export function version(headers: Readonly<Record<string, string>>): { versionId?: string } {
  const versionId = headers['x-amz-version-id'];
  return versionId === undefined || versionId === 'null' ? {} : { versionId };
}
