import { describe, expect, it } from 'vitest';
import { CONTROL } from '#core/controls.ts';
import { objectKey } from '#core/key.ts';
import { createWorld, down } from './state-report-world.ts';

const DELETED = { state: 'deleted' as const, etag: '', sizeBytes: 0 };

describe('the diff of a run', () => {
  it('has one row for each key that changed since the last one, from its first state to its last', async () => {
    const world = createWorld();
    await world.write({ key: 'b', etag: 'e1' });
    await world.write({ key: '=a', etag: 'e2', permissions: { json: '{"mode":1}', atMs: 0 } });
    await world.write({ key: 'b', etag: 'e3', sizeBytes: 7 });
    world.pass(3);
    const first = await world.run();
    expect(first.changes).toEqual({ created: 2, modified: 0, deleted: 0, permissions: 0, restated: 0 });
    expect(world.rows(first.files.diffs[0])).toEqual([
      'created,\'=a,present,,1,,e2,,,,"{""mode"":1}",1,2026-01-02T03:04:05.000Z',
      'created,b,present,,7,,e3,,,,,2,2026-01-02T03:04:05.000Z',
    ]);
    await world.write({ key: 'b', ...DELETED });
    world.pass(3);
    const second = await world.run();
    expect(second.changes).toEqual({ created: 0, modified: 0, deleted: 1, permissions: 0, restated: 0 });
    expect(world.rows(second.files.diffs[0])).toEqual([
      'deleted,b,deleted,7,0,e3,,,,,,3,2026-01-02T03:07:05.000Z',
    ]);
  });

  it('has what the journal tells again, apart from what changed', async () => {
    const world = createWorld();
    const { key } = await world.write({ key: 'a' });
    world.pass(3);
    await world.run();
    const line = JSON.parse(world.text('journal/2026-01-02T03:04:05.000Z-w0.ndjson'));
    const again = JSON.stringify({ ...line, reason: 'as it is', before: line.after });
    await world.reports.put(objectKey('journal/2026-01-02T03:07:05.000Z-x.ndjson'), Buffer.from(again), {
      metadata: {},
    });
    world.pass(3);
    const { changes, files } = await world.run();
    expect(changes).toMatchObject({ created: 0, modified: 0, restated: 1 });
    expect(world.rows(files.diffs[0])).toEqual([expect.stringMatching(`^restated,${key},present,`)]);
  });

  it('is there when nothing changed, and then has its header only', async () => {
    const world = createWorld();
    const { files } = await world.run();
    expect(world.text(files.diffs[0])).toMatch(/^change,key,state,.*\r\n$/);
  });

  it('tells a line that is not yet settled in the next run, and every line once', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    world.pass(1);
    expect((await world.run()).changes.created).toBe(0);
    world.pass(1);
    await world.write({ key: 'b' });
    world.pass(1);
    expect((await world.run()).changes.created).toBe(1);
    world.pass(5);
    expect((await world.run()).changes.created).toBe(1);
    world.pass(5);
    expect((await world.run()).changes.created).toBe(0);
  });

  it('has the last moments when it is asked for now, and has them again when they are settled', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    expect((await world.run({ now: true })).changes.created).toBe(1);
    world.pass(3);
    expect((await world.run()).changes.created).toBe(1);
    expect((await world.run({ now: true })).changes.created).toBe(0);
  });

  it('has the line of a writer whose clock is wrong, or that came late', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    world.pass(10);
    await world.run();
    // Its name is of before the last run, and of half an hour later.
    const line = world.text('journal/2026-01-02T03:04:05.000Z-w0.ndjson');
    for (const [name, key] of [
      ['2026-01-02T03:01:00.000Z-late', 'late'],
      ['2026-01-02T03:40:00.000Z-early', 'early'],
    ]) {
      const text = line.replace('"key":"a"', `"key":"${key}"`);
      await world.reports.put(objectKey(`journal/${name}.ndjson`), Buffer.from(text), { metadata: {} });
    }
    world.pass(5);
    expect((await world.run()).changes.created).toBe(2);
  });

  it('goes on in the next run when the journal is longer than the time', async () => {
    const world = createWorld();
    for (const key of ['a', 'b', 'c']) {
      await world.write({ key });
      world.pass(1);
    }
    world.pass(3);
    const hurried = { remainingMs: () => 200_000 };
    const counts: number[] = [];
    for (let run = 0; run < 4; run++) {
      world.pass(1);
      counts.push((await world.run({}, hurried)).changes.created);
    }
    expect(counts).toEqual([1, 1, 1, 0]);
  });

  it('passes over a journal object that is damaged, and says so', async () => {
    const world = createWorld();
    await world.reports.put(objectKey('journal/2026-01-02T03:00:00.000Z-x.ndjson'), Buffer.from('{"key":'), {
      metadata: {},
    });
    await world.write({ key: 'a' });
    world.pass(3);
    const { changes, errors } = await world.run();
    expect(changes.created).toBe(1);
    expect(errors).toEqual([
      expect.stringContaining('journal/2026-01-02T03:00:00.000Z-x.ndjson cannot be read'),
    ]);
  });
});

describe('a run that fails', () => {
  it('loses nothing: the next one tells what it would have told', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    world.pass(3);
    world.reports.before((op, key) => {
      if (op === 'put' && key.startsWith('runs/history/')) throw down(true);
    });
    await expect(world.run()).rejects.toThrow('no');
    world.reports.before(() => undefined);
    expect((await world.run()).changes.created).toBe(1);
  });

  it('leaves a run that is under way alone, and takes over from one whose time is over', async () => {
    const world = createWorld();
    const state = await world.controls.get(CONTROL.stateReport);
    const running = { runId: 'other', untilMs: world.ports.nowMs() + 60_000 };
    await world.controls.put(CONTROL.stateReport, { running }, state?.revision ?? 0);
    await expect(world.run()).rejects.toThrow('another run is under way');
    world.pass(2);
    await world.run();
  });

  it('tells the diff although the full state cannot be written, and fails in the end', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    world.pass(3);
    const ledger = {
      get: world.ledger.get,
      async *entries() {
        yield* [];
        throw down(true);
      },
    };
    const senders = [world.sender('https://one.example')];
    await expect(world.run({}, { ledger, senders })).rejects.toThrow('no');
    expect(world.received[0]?.body).toMatchObject({
      changes: { created: 1 },
      errors: ['the full state: no'],
    });
    expect(world.reports.openUploads()).toBe(0);
    world.pass(5);
    const next = await world.run();
    expect(next).toMatchObject({ changes: { created: 0 }, files: { full: expect.any(String) } });
  });
});

describe('the full state', () => {
  it('is a CSV of every entry in key order, under its time and as the latest', async () => {
    const world = createWorld();
    await world.write({ key: 'b, "quoted"', eventTimeMs: 1_000 });
    await world.write({ key: '=1+1', ...DELETED, eventTimeMs: 1_000 });
    await world.ledger.recordMirror(objectKey('b, "quoted"'), 'one', { sourceEtag: 'etag-1', atMs: 1 });
    const { files, state, destinations } = await world.run();
    expect(files.full).toBe('state/2026-01-02T03:04:05.000Z.csv');
    const text = [
      'key,state,size_bytes,etag,version_id,changed_at,sequencer,revision,permissions,delivered,mirrored_one',
      "'=1+1,deleted,0,,,1970-01-01T00:00:01.000Z,01,1,,,",
      '"b, ""quoted""",present,1,etag-1,,1970-01-01T00:00:01.000Z,01,1,,,current',
      '',
    ].join('\r\n');
    expect(world.text(files.full)).toBe(text);
    expect(world.text('state/latest.csv')).toBe(text);
    expect(state).toMatchObject({ objects: 1, bytes: 1, tombstones: 1 });
    expect(destinations[0]?.copies).toMatchObject({ current: 1, behind: 0, gone: 0, untold: 0 });
  });

  it('is written when there is none, when it is due, and when it is asked for', async () => {
    const world = createWorld();
    const written = async (minutes: number, full = false) => {
      world.pass(minutes);
      return (await world.run({ full, fullEveryMs: 60 * 60_000 })).files.full !== undefined;
    };
    expect(await written(0)).toBe(true);
    expect(await written(5)).toBe(false);
    expect(await written(5, true)).toBe(true);
    expect(await written(45)).toBe(false);
    expect(await written(5)).toBe(false);
    expect(await written(10)).toBe(true);
  });

  it('leaves the last one as it is when the ledger cannot be read to its end', async () => {
    const world = createWorld();
    await world.run();
    const before = world.text('state/latest.csv');
    const entries = async function* () {
      yield* [];
      throw down(false);
    };
    await expect(world.run({ full: true }, { ledger: { ...world.ledger, entries } })).rejects.toThrow('no');
    expect(world.text('state/latest.csv')).toBe(before);
  });
});

describe('what runs beside the ledger', () => {
  it('is in the result: queues, destinations with held deletes, and agents with missing heartbeats', async () => {
    const world = createWorld();
    await world.controls.put(CONTROL.held('one'), { count: 3, sinceMs: 0, reason: 'too many' }, 0);
    const beat = (at: string, folders: unknown[]) =>
      Buffer.from(JSON.stringify({ agent: 'x', version: '1', at, folders }));
    const folder = { state: 'held', queued: 2, putOff: 1, parked: 4, heldDeletes: 5 };
    const key = (name: string) => objectKey(`.sluice/agents/${name}/heartbeat.json`);
    await world.hub.put(key('alive'), beat('2026-01-02T03:00:05.000Z', [folder]), { metadata: {} });
    await world.hub.put(key('away'), beat('2026-01-02T02:00:05.000Z', []), { metadata: {} });
    await world.hub.put(key('odd'), Buffer.from('{'), { metadata: {} });
    const { queues, destinations, agents, errors } = await world.run({}, { names: ['never'] });
    const queue = { name: 'MirrorOne', waiting: 5, inFlight: 1, deadLetters: 3, busyMs: 0 };
    expect(queues).toEqual([queue]);
    expect(destinations).toMatchObject([{ name: 'one', held: 3, heldReason: 'too many', queue }]);
    expect(agents).toMatchObject([
      { name: 'alive', missing: false, ageMs: 240_000, queued: 3, errors: 5, heldDeletes: 5 },
      { name: 'away', missing: true },
      { name: 'never', missing: true },
      { name: 'odd', missing: true, fault: expect.any(String) },
    ]);
    expect(world.metrics.HeartbeatsMissing).toBe(3);
    expect(errors).toEqual([expect.stringContaining('heartbeat of odd')]);
  });

  it('says how long a queue has not been seen empty', async () => {
    const world = createWorld();
    await world.run();
    world.pass(7);
    expect((await world.run()).queues[0]?.busyMs).toBe(7 * 60_000);
    const depth = async () => ({ waiting: 0, inFlight: 0 });
    expect((await world.run({}, { depth })).queues[0]?.busyMs).toBe(0);
  });

  it('is told as far as it can be read', async () => {
    const world = createWorld();
    const depth = async () => {
      throw down(true);
    };
    const { queues, errors, destinations } = await world.run({}, { depth });
    expect(queues).toEqual([]);
    expect(destinations).toHaveLength(1);
    expect(errors).toEqual(['queue MirrorOne: no']);
  });
});

describe('the report endpoints', () => {
  const [one, two] = ['https://one.example', 'https://two.example'];

  it('are each sent the result of every run, with its id', async () => {
    const world = createWorld();
    await world.write({ key: 'a' });
    world.pass(3);
    const result = await world.run({}, { senders: [world.sender(one), world.sender(two)] });
    expect(world.received.map(({ url, runId }) => [url, runId])).toEqual([
      [one, result.runId],
      [two, result.runId],
    ]);
    expect(world.received[0]?.body).toEqual(result);
    expect(JSON.parse(world.text('runs/state-report.json'))).toEqual(result);
    expect(JSON.parse(world.text(`runs/history/2026-01-02/${result.time}.json`))).toEqual(result);
  });

  it.each([true, false])(
    'do not wait for one that fails (retryable %s), which is sent everything later, in order',
    async (retryable) => {
      const world = createWorld();
      const senders = [world.sender(one), world.sender(two)];
      world.failing.set(one, down(retryable));
      const first = await world.run({}, { senders });
      world.pass(5);
      const second = await world.run({}, { senders });
      expect(world.received.map(({ url }) => url)).toEqual([two, two]);
      expect(world.metrics.ReportsFailed).toBe(retryable ? 2 : 3);
      world.failing.clear();
      world.pass(5);
      const third = await world.run({}, { senders });
      const late = world.received.filter(({ url }) => url === one).map(({ runId }) => runId);
      expect(late).toEqual([first.runId, second.runId, third.runId]);
    },
  );

  it('are given up after a week, visibly', async () => {
    const world = createWorld();
    const senders = [world.sender(one)];
    world.failing.set(one, down(true));
    await world.run({}, { senders });
    world.failing.clear();
    world.pass(8 * 24 * 60);
    await world.run({}, { senders });
    expect(world.received).toHaveLength(1);
    expect(world.logLines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'result given up' }),
    );
  });
});
