import { describe, expect, it } from 'vitest';
import { objectKey } from '#core/key.ts';
import { writeStateReport } from '../../functions/state-report.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';
import { ledgerEntry } from '../doubles/s3-event.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

const nowMs = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);

describe('the state report', () => {
  it('is a CSV of every entry in key order, under its time and as the latest', async () => {
    const ledger = createMemoryLedger();
    const reports = createMemoryStore();
    await ledger.put(ledgerEntry({ key: 'b, "quoted"' }));
    await ledger.put(ledgerEntry({ key: '=1+1', state: 'deleted', etag: '', sizeBytes: 0 }));
    await ledger.recordMirror(objectKey('b, "quoted"'), 'one', { sourceEtag: 'etag-1', atMs: 1 });
    const answer = await writeStateReport({ ledger, reports, destinations: ['one'], nowMs });
    expect(answer).toEqual({ key: 'state/2026-01-02T03:04:05.006Z.csv', rows: 2 });
    const text = [
      'key,state,size_bytes,etag,version_id,changed_at,sequencer,mirrored_one',
      "'=1+1,deleted,0,,,1970-01-01T00:00:01.000Z,01,",
      '"b, ""quoted""",present,1,etag-1,,1970-01-01T00:00:01.000Z,01,current',
      '',
    ].join('\r\n');
    expect(String(reports.contents(objectKey(answer.key)))).toBe(text);
    expect(String(reports.contents(objectKey('state/latest.csv')))).toBe(text);
  });

  it('has its header even when the ledger is empty', async () => {
    const reports = createMemoryStore();
    const answer = await writeStateReport({ ledger: createMemoryLedger(), reports, destinations: [], nowMs });
    expect(answer.rows).toBe(0);
    expect(String(reports.contents(objectKey('state/latest.csv')))).toMatch(/^key,state,.*\r\n$/);
  });

  it('leaves the last report as it is when the ledger cannot be read to its end', async () => {
    const reports = createMemoryStore();
    const latest = objectKey('state/latest.csv');
    await reports.put(latest, Buffer.from('before'), { metadata: {} });
    const ledger = {
      async *entries() {
        for (let index = 0; index < 1_000; index++) yield ledgerEntry({ key: `k${index}` });
        throw new Error('page lost');
      },
    };
    const report = writeStateReport({ ledger, reports, destinations: [], nowMs }, 1_000);
    await expect(report).rejects.toThrow('page lost');
    expect(String(reports.contents(latest))).toBe('before');
    expect(reports.openUploads()).toBe(0);
  });
});
