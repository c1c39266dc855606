/** The few answers of S3 that are XML. */
import { XMLParser } from 'fast-xml-parser';

const LISTED = new Set(['Contents', 'Upload', 'Part', 'Tag']);

/**
 * Values stay text: `1e3` is a key, not a number, and spaces belong to it. `htmlEntities` is what this parser calls the
 * numeric ones, such as MinIO's `&#34;` around an ETag.
 */
const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  htmlEntities: true,
  isArray: (name) => LISTED.has(name),
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

/** Text for an element; line ends as references, because a parser may change the others. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);
}
