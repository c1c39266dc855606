/** What docs/report.schema.json says of the results that report endpoints get, held to the results themselves. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { CHANGE_KINDS } from '#core/change-fold.ts';
import { CONTROL } from '#core/controls.ts';
import { objectKey } from '#core/key.ts';
import type { ReportResult } from '#core/report-result.ts';
import { createWorld } from './state-report-world.ts';

const count = z.int().nonnegative();
const millis = (of: string) => z.number().describe(`Milliseconds ${of}.`);
const since1970 = millis('since 1970');

const copies = z.strictObject({
  current: count.describe('What the hub has is there.'),
  behind: count.describe('An earlier state is there, or what the hub has deleted.'),
  gone: count.describe('The object is in the hub, and not there.'),
  untold: count.describe('Nobody has told what is there.'),
  oldestBehindMs: since1970.describe('When the oldest change was made that is not there yet; 0: all are.'),
});
const queue = z.strictObject({
  name: z.string().describe('As the outputs of the stack name it.'),
  waiting: count,
  inFlight: count,
  deadLetters: count,
  busyMs: millis('for which it has not been seen empty'),
});
const reconcile = z.strictObject({
  runId: z.string(),
  startedMs: since1970,
  endedMs: since1970,
  objects: count.describe('Seen in the hub.'),
  bytes: count,
  known: count.describe('Seen at the destination, or in the ledger.'),
  differences: count,
  copies: count,
  deletes: count,
  records: count.describe('Looks that only note in the ledger what is there already.'),
  deliveries: count,
  held: count.describe('Of the deletes, those that wait for a person.'),
  dryRun: z.boolean(),
  error: z.string().optional(),
});
const retention = z.strictObject({
  runId: z.string(),
  record: z.string().describe('Key of the record in the reports bucket.'),
  startedMs: since1970,
  endedMs: since1970,
  removed: count,
  removedBytes: count,
  wouldRemove: count,
  kept: count,
  dryRun: z.boolean(),
  capped: z.array(z.string()).describe('Rules that reached their cap; the next run goes on with them.'),
  complete: z.boolean(),
  stoppedAt: z.string().optional(),
  error: z.string().optional(),
});
const destination = z.strictObject({
  name: z.string(),
  copies: copies.optional(),
  queue: queue.optional(),
  held: count.describe('Deletes that wait for a person.'),
  heldReason: z.string(),
  reconcile: reconcile.optional(),
});
const agent = z.strictObject({
  name: z.string(),
  at: z.string().optional().describe('Of its last heartbeat; absent: it has never given one.'),
  ageMs: z.number().optional(),
  missing: z.boolean(),
  version: z.string(),
  folders: count,
  queued: count,
  errors: count.describe('Files that are parked, and folders that do not work.'),
  heldDeletes: count,
  fault: z.string().optional(),
});
const result = z
  .strictObject({
    version: z.literal(1),
    runId: z.string().describe('The idempotency key of the request.'),
    time: z.iso.datetime(),
    stack: z.string(),
    changes: z.record(z.enum(CHANGE_KINDS), count).describe('Keys that changed, by kind.'),
    files: z
      .strictObject({
        diffs: z.array(z.string()),
        full: z.string().optional(),
        drift: z.string().optional(),
        html: z.string(),
      })
      .describe('Keys in the reports bucket.'),
    state: z
      .strictObject({
        at: z.iso.datetime(),
        objects: count,
        bytes: count,
        tombstones: count,
        delivered: copies,
      })
      .optional()
      .describe('Of the last full state.'),
    drift: z
      .strictObject({ compared: count, drifted: count, incomplete: z.string().optional() })
      .optional()
      .describe('When a full state was compared with the one before.'),
    queues: z.array(queue),
    destinations: z.array(destination),
    agents: z.array(agent),
    reconcile: reconcile.optional(),
    retention: retention.optional(),
    errors: z.array(z.string()).describe('What could not be done or read in this run.'),
  })
  .describe('What Sluice sends to report endpoints.');

/** As an endpoint gets it. */
function received(sent: ReportResult): unknown {
  return JSON.parse(JSON.stringify(sent));
}

describe('a result', () => {
  it('is as its schema says, when nothing has happened', async () => {
    expect(result.parse(received(await createWorld().run()))).toMatchObject({ version: 1 });
  });

  it('is as its schema says, with changes, a full state, an agent and what is held', async () => {
    const world = createWorld();
    await world.controls.put(CONTROL.held('one'), { count: 3, sinceMs: 0, reason: 'too many' }, 0);
    const beat = JSON.stringify({ agent: 'x', version: '1', at: '2026-01-02T03:00:05.000Z', folders: [] });
    await world.hub.put(objectKey('.sluice/agents/x/heartbeat.json'), Buffer.from(beat), { metadata: {} });
    await world.write({ key: 'a' });
    world.pass(3);
    await world.run({ full: true });
    await world.write({ key: 'b' });
    world.pass(3);
    const sent = await world.run({ full: true });
    expect(result.parse(received(sent))).toEqual(received(sent));
    expect(sent).toMatchObject({ changes: { created: 1 }, agents: [{ name: 'x' }], state: { objects: 2 } });
  });

  it('has a schema in docs/; `npx vitest run -u` writes it anew', async () => {
    const schema = `${JSON.stringify(z.toJSONSchema(result), null, 2)}\n`;
    await expect(schema).toMatchFileSnapshot('../../docs/report.schema.json');
  });
});
