/**
 * The way of each file through the stages, from what agent, ledger, file manager and CDN say. Notes come late and in
 * any order; a stage is done only when it confirms the version that the ledger has.
 */

export interface Way {
  key: string;
  what: 'upload' | 'put' | 'delete';
  sizeBytes: number;
  /** Milliseconds since 1970: the agent began with it, or it was first seen. */
  startedMs: number;
  stages: Stage[];
  /** When the last stage was done; absent: it is on its way. */
  doneMs?: number;
  /** What was last said of it that a person should know. */
  remark: string;
}

export interface Stage {
  name: string;
  state: 'waits' | 'done' | 'failed';
  /** Of `done`: when it was seen. */
  atMs?: number;
  /** Of `failed`. */
  reason?: string;
}

export interface Ways {
  /** The agent has brought it to the hub; `tookMs` ago it began with it. */
  uploaded(key: string, sizeBytes: number, tookMs: number, nowMs: number): void;
  /** A version is in the ledger; an empty ETag: it is deleted. */
  recorded(key: string, etag: string, sizeBytes: number, nowMs: number): void;
  /** A stage has confirmed that version. */
  confirmed(key: string, stage: string, etag: string, nowMs: number): void;
  /** A stage that knows no versions did something for the key. */
  passed(covers: (key: string) => boolean, stage: string, nowMs: number): void;
  failed(key: string, stage: string, reason: string): void;
  remark(key: string, text: string): void;
  /** The newest first. */
  all(): Way[];
}

/** In this order, between them the destinations. */
const FIRST_STAGES = ['hub', 'ledger'] as const;
const KEPT = 500;

interface Kept {
  key: string;
  what: Way['what'];
  sizeBytes: number;
  startedMs: number;
  /** Of the ledger; `undefined` until it has it. */
  etag: string | undefined;
  seen: Map<string, { etag: string | undefined; atMs: number }>;
  failures: Map<string, string>;
  remark: string;
}

/** @param stages after hub and ledger */
export function createWays(stages: readonly string[]): Ways {
  const [hub, ledger] = FIRST_STAGES;
  const names = [hub, ledger, ...stages];
  const ways = new Map<string, Kept>();

  function begin(key: string, what: Way['what'], sizeBytes: number, startedMs: number): Kept {
    // What has these very bytes already will not say so again.
    const held = [...(ways.get(key)?.seen ?? [])].filter(([name, { etag }]) => name !== ledger && etag);
    const way: Kept = {
      ...{ key, what, sizeBytes, startedMs, etag: undefined, remark: '' },
      seen: new Map(held),
      failures: new Map(),
    };
    // To the end: the newest is the last.
    ways.delete(key);
    ways.set(key, way);
    for (const oldest of ways.keys()) {
      if (ways.size <= KEPT) break;
      ways.delete(oldest);
    }
    return way;
  }

  return {
    uploaded(key, sizeBytes, tookMs, nowMs) {
      begin(key, 'upload', sizeBytes, nowMs - tookMs).seen.set(hub, { etag: undefined, atMs: nowMs });
    },
    recorded(key, etag, sizeBytes, nowMs) {
      const known = ways.get(key);
      const isNew = known === undefined || (known.etag !== undefined && known.etag !== etag);
      const way = isNew ? begin(key, etag === '' ? 'delete' : 'put', sizeBytes, nowMs) : known;
      if (isNew) way.seen.set(hub, { etag: undefined, atMs: nowMs });
      way.etag = etag;
      way.seen.set(ledger, { etag, atMs: nowMs });
    },
    confirmed(key, stage, etag, nowMs) {
      ways.get(key)?.seen.set(stage, { etag, atMs: nowMs });
    },
    passed(covers, stage, nowMs) {
      for (const way of ways.values()) {
        if (!way.seen.has(stage) && covers(way.key)) way.seen.set(stage, { etag: undefined, atMs: nowMs });
      }
    },
    failed(key, stage, reason) {
      ways.get(key)?.failures.set(stage, reason);
    },
    remark(key, text) {
      const way = ways.get(key);
      if (way !== undefined) way.remark = text;
    },
    all: () => [...ways.values()].reverse().map((way) => wayOf(way, names)),
  };
}

/** Of the newest file that has arrived everywhere: how long its way took. */
export function lagMs(ways: readonly Way[]): number | undefined {
  const arrived = ways.filter(({ doneMs }) => doneMs !== undefined);
  const newest = arrived.reduce<Way | undefined>(
    (best, way) => ((way.doneMs ?? 0) > (best?.doneMs ?? 0) ? way : best),
    undefined,
  );
  return newest === undefined ? undefined : (newest.doneMs ?? 0) - newest.startedMs;
}

function wayOf({ key, what, sizeBytes, startedMs, remark, ...kept }: Kept, names: readonly string[]): Way {
  const stages = names.map((name): Stage => stageOf(name, kept));
  const times = stages.map(({ atMs }) => atMs);
  return {
    ...{ key, what, sizeBytes, startedMs, stages, remark },
    ...(times.includes(undefined) ? {} : { doneMs: Math.max(...times.map((atMs) => atMs ?? 0)) }),
  };
}

function stageOf(name: string, { etag, seen, failures }: Pick<Kept, 'etag' | 'seen' | 'failures'>): Stage {
  const note = seen.get(name);
  if (note !== undefined && (note.etag === undefined || note.etag === etag)) {
    return { name, state: 'done', atMs: note.atMs };
  }
  const reason = failures.get(name);
  return reason === undefined ? { name, state: 'waits' } : { name, state: 'failed', reason };
}
