import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSending } from '#adapters/host/sending.ts';
import { temporaryFolder } from './folder.ts';

const newFile = () => join(temporaryFolder(), 'sending');
const nothing = () => undefined;
const ONE = { n: 1 };
const LONG = { n: 'y'.repeat(10_000) };

it('makes no file before something is sent, and leaves none when all of it is known', () => {
  const file = newFile();
  const sending = openSending(file, nothing);
  sending.left();
  sending.forget();
  expect(existsSync(file)).toBe(false);
  const known = sending.begin('a', ONE);
  expect(existsSync(file)).toBe(true);
  known();
  sending.close();
  expect(existsSync(file)).toBe(false);
});

it('leaves to the next process what was not known when it ended', () => {
  const file = newFile();
  const sending = openSending(file, nothing);
  sending.begin('a', ONE);
  sending.close();
  expect(openSending(file, nothing).left()).toEqual([['a', ONE]]);
});

it('stays small: after a commit of the index only what is still being sent is in it', () => {
  const file = newFile();
  let commits = 0;
  const sending = openSending(file, () => commits++);
  sending.begin('still', ONE);
  for (let number = 0; number < 400; number++) sending.begin(`name ${number}`, LONG)();
  expect(commits).toBeGreaterThan(2);
  expect(statSync(file).size).toBeLessThan(1_100_000);
  expect(openSending(file, nothing).left()[0]).toEqual(['still', ONE]);
});

it('forgets nothing when the index cannot be committed', () => {
  const file = newFile();
  openSending(file, nothing).begin('a', ONE);
  const next = openSending(file, () => {
    throw new Error('no room');
  });
  expect(next.left()).toHaveLength(1);
  expect(() => next.forget()).toThrow('no room');
  expect(next.left()).toHaveLength(1);
  expect(openSending(file, nothing).left()).toEqual([['a', ONE]]);
});

it('keeps what is not forgotten when it is tidied up or closed', () => {
  const file = newFile();
  const first = openSending(file, nothing);
  first.begin('a', ONE);
  first.gone('b');
  const next = openSending(file, nothing);
  for (let number = 0; number < 200; number++) next.begin(`name ${number}`, LONG)();
  next.close();
  expect(openSending(file, nothing).left().slice(0, 2)).toEqual([
    ['a', ONE],
    ['b', undefined],
  ]);
});

it('reads what a power cut or a full disk has left of it', () => {
  const file = newFile();
  writeFileSync(file, '\n["a",{"n":1}]\n["b",{"n":');
  appendFileSync(file, '\n["c",{"n":3}]\n\0\0\0\n[1]\n{}\n["d",2]\n["e"]');
  expect(openSending(file, nothing).left()).toEqual([
    ['a', ONE],
    ['c', { n: 3 }],
    ['e', undefined],
  ]);
  expect(readFileSync(file, 'utf8')).toContain('["b",{"n":');
});

it('says what failed when it cannot write', () => {
  const file = join(temporaryFolder(), 'absent', 'sending');
  expect(() => openSending(file, nothing).begin('a', ONE)).toThrow(
    expect.objectContaining({ name: 'SyncError', op: 'index', code: 'IndexFailed', retryable: true }),
  );
});
