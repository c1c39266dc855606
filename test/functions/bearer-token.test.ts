import { describe, expect, it } from 'vitest';
import { SyncError } from '#core/errors.ts';
import { createBearerCheck } from '../../functions/bearer-token.ts';

const MINUTE_MS = 60_000;

function setup(first: string) {
  const state = { token: first, nowMs: 0, reads: 0 };
  const check = createBearerCheck({
    readToken: async () => {
      state.reads++;
      return state.token;
    },
    nowMs: () => state.nowMs,
  });
  return { state, check };
}

describe('the token', () => {
  it.each(['Bearer s3cret', 'bearer s3cret', 'Bearer   s3cret', 's3cret', ' s3cret '])(
    'is accepted as %j',
    async (header) => {
      expect(await setup('s3cret').check(header)).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    ' ',
    'Bearer',
    'Bearer ',
    'Bearer s3cre',
    'Bearer s3cret2',
    'Basic s3cret',
    'S3CRET',
  ])('is not accepted as %j', async (header) => {
    expect(await setup('s3cret').check(header)).toBe(false);
  });

  it('of two words is sent as it is by MinIO, and accepted', async () => {
    expect(await setup('Basic czNjcmV0').check('Basic czNjcmV0')).toBe(true);
  });

  it('is not read for a request without one', async () => {
    const { state, check } = setup('s3cret');
    await check(undefined);
    expect(state.reads).toBe(0);
  });

  it('that is new is accepted once thirty seconds have passed since the last reading', async () => {
    const { state, check } = setup('old');
    expect(await check('old')).toBe(true);
    state.token = 'new';
    state.nowMs = MINUTE_MS / 2 - 1;
    expect(await check('new')).toBe(false);
    state.nowMs++;
    expect(await check('new')).toBe(true);
    expect(await check('old')).toBe(false);
  });

  it('that was replaced is refused after five minutes at the latest', async () => {
    const { state, check } = setup('old');
    expect(await check('old')).toBe(true);
    state.token = 'new';
    state.nowMs = 5 * MINUTE_MS - 1;
    expect(await check('old')).toBe(true);
    state.nowMs++;
    expect(await check('old')).toBe(false);
  });

  it('is not read for each guess', async () => {
    const { state, check } = setup('s3cret');
    for (let guess = 0; guess < 100; guess++) {
      expect(await check(`guess ${guess}`)).toBe(false);
      state.nowMs += 1000;
    }
    expect(state.reads).toBe(4);
  });

  it('that cannot be read lets nobody in', async () => {
    const error = new SyncError('secret away', { op: 'GetSecretValue', retryable: true });
    const check = createBearerCheck({ readToken: () => Promise.reject(error), nowMs: () => 0 });
    await expect(check('anything')).rejects.toBe(error);
  });
});
