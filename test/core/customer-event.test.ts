import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { customerEvent, eventsOfCustomer } from '#core/customer-event.ts';
import { SyncError } from '#core/errors.ts';

const base = { version: 1, id: 'event-1', key: 'a/b.txt', time: '2026-01-02T03:04:05.678+01:00' };
const timeMs = Date.UTC(2026, 0, 2, 2, 4, 5, 678);
const look = { kind: 'look', bucket: 'hub', sequencer: '', etag: '', sizeBytes: 0, versionId: '', timeMs };

function fault(value: unknown): SyncError {
  try {
    eventsOfCustomer(value, 'hub');
  } catch (error) {
    if (error instanceof SyncError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a customer’s event', () => {
  it.each(['create', 'delete'])('of type %s asks to look at its key', (type) => {
    expect(eventsOfCustomer({ ...base, type }, 'hub')).toEqual([
      { ...look, key: 'a/b.txt', name: `Customer:${type} event-1` },
    ]);
  });

  it.each(['rename', 'move'])('of type %s asks to look at both keys', (type) => {
    expect(eventsOfCustomer({ ...base, type, newKey: 'c' }, 'hub')).toEqual([
      { ...look, key: 'a/b.txt', name: `Customer:${type} event-1` },
      { ...look, key: 'c', name: `Customer:${type} event-1`, renamedFrom: 'a/b.txt' },
    ]);
  });

  it('brings permissions as one text, whatever the order of their members', () => {
    const told = (permissions: unknown) =>
      eventsOfCustomer({ ...base, type: 'change_permission', permissions }, 'hub')[0]?.permissions;
    expect(told({ b: [1, { d: 1, c: null }], a: 'ü"' })).toBe('{"a":"ü\\"","b":[1,{"c":null,"d":1}]}');
    expect(told({ a: 'ü"', b: [1, { c: null, d: 1 }] })).toBe(told({ b: [1, { d: 1, c: null }], a: 'ü"' }));
    expect(told(JSON.parse('{"__proto__":{"admin":true}}'))).toBe('{"__proto__":{"admin":true}}');
  });

  it('may name its bucket, and have fields that nobody here knows', () => {
    const event = { ...base, type: 'create', bucket: 'other', source: 'crm' };
    expect(eventsOfCustomer(event, 'hub')).toMatchObject([{ bucket: 'other' }]);
  });

  it.each([0, 2, '1', 1.5, null, undefined])('of version %j is refused by name', (version) => {
    expect(fault({ ...base, version, type: 'create' })).toMatchObject({
      code: 'UnknownVersion',
      retryable: false,
      message: expect.stringContaining(JSON.stringify(version) ?? 'none'),
    });
  });

  it.each([
    ['type', { type: 'chown' }],
    ['id', { id: '' }],
    ['id', { id: 'x'.repeat(257) }],
    ['key', { key: '' }],
    ['key', { key: 'k'.repeat(1025) }],
    ['key', { key: 'é'.repeat(513) }],
    ['key', { key: '\ud800' }],
    ['key', { key: 7 }],
    ['time', { time: 'yesterday' }],
    ['time', { time: '2026-01-02T03:04:05' }],
    ['newKey', { type: 'rename' }],
    ['newKey', { type: 'rename', newKey: '\udc00' }],
    ['newKey', { type: 'move', newKey: 'a/b.txt' }],
    ['permissions', { type: 'change_permission' }],
    ['permissions', { type: 'change_permission', permissions: [] }],
    ['permissions', { type: 'change_permission', permissions: null }],
    ['permissions', { type: 'change_permission', permissions: { a: 'x'.repeat(16 * 1024) } }],
  ])('with a wrong %s is refused, naming it', (field, fields) => {
    expect(fault({ ...base, type: 'create', ...fields })).toMatchObject({
      code: 'BadEvent',
      retryable: false,
      message: expect.stringContaining(`: ${field}: `),
    });
  });

  it('with permissions as deep as a message is long is refused, and nothing runs out of stack', () => {
    const deep: unknown = JSON.parse(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    expect(fault({ ...base, type: 'change_permission', permissions: deep }).message).toContain(
      'deeper than 32',
    );
  });

  it('of any kind is understood or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.record({ version: fc.constant(1), type: fc.string() }), fc.object(), (fixed, fields) => {
        expect(fault({ ...fields, ...fixed })).toBeInstanceOf(SyncError);
      }),
    );
  });
});

describe('docs/', () => {
  it('has the JSON schema of these events; `npx vitest run -u` writes it anew', async () => {
    const schema = z.toJSONSchema(customerEvent, { io: 'input' });
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../docs/event.schema.json');
  });

  it('has examples that are such events', async () => {
    const text = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8');
    const examples = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json));
    expect(examples.map(({ type }) => type).sort()).toEqual([
      'change_permission',
      'create',
      'delete',
      'move',
      'rename',
    ]);
    for (const example of examples) expect(eventsOfCustomer(example, 'hub')).not.toEqual([]);
  });
});
