/** The few answers of S3 that are XML. */
import { XMLParser } from 'fast-xml-parser';

/** Values stay text: `1e3` is a key, not a number, and spaces belong to it. */
const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  isArray: (name) => name === 'Contents',
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
