import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { replayEvent } from '../../functions/event-replay.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { createMemoryLog } from '../doubles/log-memory.ts';
import { ledgerEntry, objectEvent } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const key = objectKey('k');

function world() {
  const hub = createMemoryStore({ bucket: 'hub' });
  const ledger = createMemoryLedger();
  const { log, lines } = createMemoryLog();
  return { hub, ledger, log, lines, nowMs: () => 1_000_000 };
}

describe('replaying an event', () => {
  it('writes the ledger without asking the store while sequencers can be compared', async () => {
    const ports = world();
    for (const sequencer of ['02', '01', '03', '02']) {
      await replayEvent(ports, objectEvent({ sequencer, etag: `etag-${sequencer}` }));
    }
    expect(await ports.ledger.get(key)).toMatchObject({ etag: 'etag-03', revision: 2 });
    expect(ports.hub.calls).toEqual([]);
  });

  it('asks HEAD where they cannot, and believes it', async () => {
    const ports = world();
    const { etag } = await ports.hub.put(key, Buffer.from('now'), { metadata: {} });
    await replayEvent(ports, objectEvent({ sequencer: '', etag: 'long-ago' }));
    expect(await ports.ledger.get(key)).toMatchObject({ state: 'present', etag, sizeBytes: 3 });
    await ports.hub.delete(key);
    await replayEvent(ports, objectEvent({ sequencer: '', etag: 'long-ago' }));
    expect(await ports.ledger.get(key)).toMatchObject({ state: 'deleted' });
  });

  it('folds again when another handler wrote first', async () => {
    const ports = world();
    const put = ports.ledger.put;
    let conflicts = 0;
    ports.ledger.put = async (entry) => {
      if (conflicts++ === 0) await put(ledgerEntry({ sequencer: '05', etag: 'of the other' }));
      return put(entry);
    };
    await replayEvent(ports, objectEvent({ sequencer: '04' }));
    expect(await ports.ledger.get(key)).toMatchObject({ etag: 'of the other', revision: 1 });
  });

  it('ends after some conflicts with an error that can be tried again', async () => {
    const ports = world();
    ports.ledger.put = async () => 'conflict';
    await expect(replayEvent(ports, objectEvent())).rejects.toMatchObject({
      code: 'Conflict',
      retryable: true,
    });
  });

  it('says why it ignores an event', async () => {
    const ports = world();
    await replayEvent(ports, objectEvent());
    await replayEvent(ports, objectEvent());
    const ignored = { message: 'event ignored', key, reason: 'a duplicate of what the ledger knows' };
    expect(ports.lines).toContainEqual(expect.objectContaining(ignored));
  });

  it('of many handlers at once leaves the newest state, each event once', async () => {
    const ports = world();
    const events = Array.from({ length: 6 }, (_, index) =>
      objectEvent({ sequencer: `0${index}`, etag: `etag-${index}` }),
    );
    await Promise.all([...events, ...events].map((event) => replayEvent(ports, event)));
    expect(await ports.ledger.get(key)).toMatchObject({ etag: 'etag-5' });
  });
});
