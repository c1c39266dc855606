/** What a writer has done, kept outside of whatever is being broken: which versions every name has had. */
import { createHash } from 'node:crypto';

export interface Truth {
  /** The name has this content now, and it is complete. */
  closed(name: string, digest: string): void;
  renamed(from: string, to: string): void;
  /** The user has removed it. */
  gone(name: string): void;
  last(name: string): string | undefined;
  /** Every name that has content, with its digest. */
  present(): [name: string, digest: string][];
  /** Whether the name, or the name beside which it was put in a conflict, has ever had the content. */
  had(name: string, digest: string): boolean;
  /** Every name that has ever had the content. */
  namesOf(digest: string): string[];
}

/** What the agent adds to a name that is taken. */
const CONFLICT = /\.sluice-conflict-\d+$/;

export function createTruth(): Truth {
  const versions = new Map<string, Set<string>>();
  const last = new Map<string, string>();

  function closed(name: string, digest: string): void {
    const known = versions.get(name) ?? new Set();
    versions.set(name, known.add(digest));
    last.set(name, digest);
  }

  return {
    closed,
    renamed(from, to) {
      const digest = last.get(from);
      if (digest === undefined) throw new Error(`${from} was renamed, but never written`);
      last.delete(from);
      closed(to, digest);
    },
    gone: (name) => last.delete(name),
    last: (name) => last.get(name),
    present: () => [...last],
    had: (name, digest) => versions.get(ownerOf(name))?.has(digest) === true,
    namesOf: (digest) => [...versions].flatMap(([name, its]) => (its.has(digest) ? name : [])),
  };
}

/** The name that a file put aside had. */
export function ownerOf(name: string): string {
  let owner = name;
  while (CONFLICT.test(owner)) owner = owner.replace(CONFLICT, '');
  return owner;
}

export function digestOf(content: Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}
