/**
 * The few answers of S3 that are XML. Read strictly, by our own reader: a general one takes ten times as long for a page
 * of a listing, and closes by itself what a broken connection has left open.
 */

/** An element: its text, or its children by name. */
type Content = string | { [name: string]: Content | Content[] };

/** Always lists, however many there are. */
const LISTED = new Set(['Contents', 'Upload', 'Part', 'Tag']);
const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const REFERENCE = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,4}));|&/g;
const TAG_NAME = /^[A-Za-z_][\w.:-]*/;
const MAX_POINT = 0x10ffff;
/** Elements in each other; S3 needs five. */
const MAX_DEPTH = 16;

/**
 * The root element under its name. No elements for a text that is not one whole document, or that has what S3 never
 * sends (CDATA, a document type, text beside elements).
 *
 * Values stay text: `1e3` is a key, not a number, and spaces belong to it. Attributes are left out.
 */
export function parseXml(text: string): Record<string, unknown> {
  const reader = createReader(text);
  try {
    const root = reader.next();
    if (typeof root === 'string' || root.closes || root.before.trim() !== '') throw new NotWhole();
    const document = { [root.name]: root.empty ? '' : contentOf(reader, root.name, MAX_DEPTH) };
    if (reader.next() !== '') throw new NotWhole();
    return document;
  } catch (error) {
    if (!(error instanceof NotWhole)) throw error;
    return {};
  }
}

class NotWhole extends Error {}

interface Tag {
  name: string;
  closes: boolean;
  empty: boolean;
  /** What stands between the tag before and this one. */
  before: string;
}

function contentOf(reader: Reader, name: string, depth: number): Content {
  if (depth === 0) throw new NotWhole();
  const children: Exclude<Content, string> = Object.create(null);
  let hasChildren = false;
  for (;;) {
    const tag = reader.next();
    if (typeof tag === 'string') throw new NotWhole();
    if (tag.closes) {
      if (tag.name !== name) throw new NotWhole();
      if (!hasChildren) return decoded(tag.before);
      if (tag.before.trim() !== '') throw new NotWhole();
      return children;
    }
    if (tag.before.trim() !== '') throw new NotWhole();
    hasChildren = true;
    add(children, tag.name, tag.empty ? '' : contentOf(reader, tag.name, depth - 1));
  }
}

function add(children: Exclude<Content, string>, name: string, content: Content): void {
  const known = children[name];
  if (Array.isArray(known)) known.push(content);
  else if (known !== undefined) children[name] = [known, content];
  else children[name] = LISTED.has(name) ? [content] : content;
}

interface Reader {
  /** The next tag; at the end of the text, what follows the last one, without spaces. */
  next(): Tag | string;
}

function createReader(text: string): Reader {
  let at = 0;
  return {
    next() {
      let before = '';
      for (;;) {
        const start = text.indexOf('<', at);
        if (start < 0) return (before + text.slice(at)).trim();
        before += text.slice(at, start);
        const declares = text.startsWith('<?', start);
        const end = text.indexOf(declares ? '?>' : '>', start);
        if (end < 0) throw new NotWhole();
        at = end + (declares ? 2 : 1);
        if (!declares) return tagOf(text.slice(start + 1, end), before);
      }
    },
  };
}

function tagOf(inside: string, before: string): Tag {
  const closes = inside.startsWith('/');
  const name = TAG_NAME.exec(closes ? inside.slice(1) : inside)?.[0] ?? '';
  const rest = inside.length - name.length - (closes ? 1 : 0);
  // A `>` in the value of an attribute would have ended it: then a quote is left open.
  if (name === '' || (rest > 0 && inside.split('"').length % 2 === 0)) throw new NotWhole();
  return { name, closes, empty: inside.endsWith('/'), before };
}

/** https://www.w3.org/TR/xml/#sec-references; a reference that XML does not know is no text. */
function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (_all, decimal?: string, hex?: string, named?: string) => {
    if (named !== undefined && NAMED[named] !== undefined) return NAMED[named];
    const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    if (Number.isNaN(point) || point > MAX_POINT) throw new NotWhole();
    return String.fromCodePoint(point);
  });
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
