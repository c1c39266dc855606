/**
 * From changed objects to CloudFront invalidations. A path costs the same whether it names one object or ends with
 * the wildcard, so many changes in one directory become the directory.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-objects.html
 */

/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/InvalidationLimits.html */
const MAX_FILES_IN_PROGRESS = 3000;
const MAX_WILDCARDS_IN_PROGRESS = 15;
/** Changes in one directory from which on it is invalidated as a whole. */
const COLLAPSE_FROM = 16;
const WILDCARD = '*';

/**
 * What viewers spell in several ways, or a path cannot say; a wildcard before it covers every spelling. A literal `~`
 * is refused and `%7E` clears nothing (https://github.com/aws/aws-sdk/issues/525), `*` is the wildcard, an origin in
 * S3 wants `+` as `%2B`, and of two slashes one may be lost on the way.
 */
const AMBIGUOUS = /[~*+]|^\/|\/\//;
/** "Unsafe" in RFC 1738, and `?`, which would begin the query; nothing else may be encoded. */
const ENCODED = /[^\x21-\x7e]|[<>"#%{}|\\^[\]`?]/gu;

interface Directory {
  /** `/`, `/a/`, … as a path, encoded. */
  path: string;
  files: Set<string>;
  wildcards: Set<string>;
  below: Map<string, Directory>;
}

/**
 * Batches that cover every key, each within what CloudFront takes at once. Their paths are in order, none twice and
 * none below a wildcard of the same answer; there are never more of them than keys.
 */
export function invalidationBatches(keys: Iterable<string>, collapseFrom = COLLAPSE_FROM): string[][] {
  const root: Directory = { path: '/', files: new Set(), wildcards: new Set(), below: new Map() };
  for (const key of keys) add(root, key);
  const paths = collapsed(root, collapseFrom, 'keep');
  const tooMany = paths.length > MAX_FILES_IN_PROGRESS;
  return inBatches(tooMany ? collapsed(root, collapseFrom, 'count') : paths);
}

/** Batches that cover every key that can be below one of the prefixes. */
export function invalidationOfPrefixes(prefixes: Iterable<string>): string[][] {
  return inBatches(
    Array.from(prefixes, (prefix) => {
      const start = prefix.search(AMBIGUOUS);
      return `/${encoded(start < 0 ? prefix : prefix.slice(0, start))}${WILDCARD}`;
    }),
  );
}

/** Tells whether the paths, as `invalidationBatches` answers them, cover a key. */
export function coveredBy(paths: Iterable<string>): (key: string) => boolean {
  const all = new Set(paths);
  return (key) => {
    const start = key.search(AMBIGUOUS);
    const path = `/${encoded(start < 0 ? key : key.slice(0, start))}`;
    if (start < 0 && all.has(path)) return true;
    for (let end = 1; end <= path.length; end++) {
      if (all.has(`${path.slice(0, end)}${WILDCARD}`)) return true;
    }
    return false;
  };
}

/** Covers the path and everything beside it. */
export function directoryOf(path: string): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}${WILDCARD}`;
}

function inBatches(all: readonly string[]): string[][] {
  const paths = outermost(all);
  const wildcards = paths.filter((path) => path.endsWith(WILDCARD));
  const files = paths.filter((path) => !path.endsWith(WILDCARD));
  const batches = Math.max(
    Math.ceil(files.length / MAX_FILES_IN_PROGRESS),
    Math.ceil(wildcards.length / MAX_WILDCARDS_IN_PROGRESS),
  );
  return Array.from({ length: batches }, (_, index) => [
    ...wildcards.slice(index * MAX_WILDCARDS_IN_PROGRESS, (index + 1) * MAX_WILDCARDS_IN_PROGRESS),
    ...files.slice(index * MAX_FILES_IN_PROGRESS, (index + 1) * MAX_FILES_IN_PROGRESS),
  ]);
}

function add(root: Directory, key: string): void {
  const start = key.search(AMBIGUOUS);
  const plain = start < 0 ? key : key.slice(0, start);
  const names = plain.split('/');
  const name = names.pop() ?? '';
  let directory = root;
  for (const one of names) {
    const path = `${directory.path}${encoded(one)}/`;
    const below = directory.below.get(one) ?? {
      path,
      files: new Set(),
      wildcards: new Set(),
      below: new Map(),
    };
    directory.below.set(one, below);
    directory = below;
  }
  const path = `${directory.path}${encoded(name)}`;
  if (start < 0) directory.files.add(path);
  else directory.wildcards.add(`${path}${WILDCARD}`);
}

/** Children first: a directory of many that changed as a whole changed as a whole itself. */
function collapsed(directory: Directory, collapseFrom: number, scattered: 'count' | 'keep'): string[] {
  const paths = [...directory.files, ...directory.wildcards];
  let changes = paths.length;
  for (const below of directory.below.values()) {
    const found = collapsed(below, collapseFrom, scattered);
    for (const path of found) paths.push(path);
    if (scattered === 'count') changes += found.length;
    else if (found[0] === `${below.path}${WILDCARD}`) changes++;
  }
  return changes >= collapseFrom ? [`${directory.path}${WILDCARD}`] : paths;
}

/** Those that no wildcard among them covers. What a wildcard covers follows it when all are sorted by their stem. */
function outermost(paths: readonly string[]): string[] {
  const sorted = paths
    .map((path) => ({ path, stem: path.endsWith(WILDCARD) ? path.slice(0, -WILDCARD.length) : path }))
    .sort((a, b) => compare(a.stem, b.stem) || compare(b.path, a.path));
  let cover: string | undefined;
  return sorted
    .filter(({ path, stem }) => {
      if (cover !== undefined && stem.startsWith(cover)) return false;
      if (path.endsWith(WILDCARD)) cover = stem;
      return true;
    })
    .map(({ path }) => path);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function encoded(text: string): string {
  return text.replace(ENCODED, encodeURIComponent);
}
