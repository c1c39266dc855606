/** The few answers of S3 that are XML. */
import { XMLParser } from 'fast-xml-parser';

/**
 * Values stay text: `1e3` is a key, not a number, and spaces belong to it. `htmlEntities` is what this parser calls the
 * numeric ones, such as MinIO's `&#34;` around an ETag.
 */
const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  htmlEntities: true,
  isArray: (name) => name === 'Contents' || name === 'Upload',
});

export function parseXml(text: string): Record<string, unknown> {
  return parser.parse(text) as Record<string, unknown>;
}

/** The text of a child element, `undefined` when there is none. */
export function textAt(node: unknown, name: string): string | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const value = (node as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}

/** The elements of that name; none is an empty list. */
export function itemsAt(node: unknown, name: string): unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  const items = (node as Record<string, unknown>)[name];
  return Array.isArray(items) ? items : [];
}
