import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSending } from '#adapters/host/sending.ts';
import { temporaryFolder } from './folder.ts';

const newFile = () => join(temporaryFolder(), 'sending');
const nothing = () => undefined;

it('makes no file before something is sent, and leaves none when all of it is known', () => {
  const file = newFile();
  const sending = openSending(file, nothing);
  sending.left();
  sending.forget();
  expect(existsSync(file)).toBe(false);
  const known = sending.begin('a', 'one');
  expect(existsSync(file)).toBe(true);
  known();
  sending.close();
  expect(existsSync(file)).toBe(false);
});

it('leaves to the next process what was not known when it ended', () => {
  const file = newFile();
  const sending = openSending(file, nothing);
  sending.begin('a', 'one');
  sending.close();
  expect(openSending(file, nothing).left()).toEqual([['a', 'one']]);
});

it('stays small: after a commit of the index only what is still being sent is in it', () => {
  const file = newFile();
  let commits = 0;
  const sending = openSending(file, () => commits++);
  sending.begin('still', 'x');
  for (let number = 0; number < 400; number++) sending.begin(`name ${number}`, 'y'.repeat(10_000))();
  expect(commits).toBeGreaterThan(2);
  expect(statSync(file).size).toBeLessThan(1_100_000);
  expect(openSending(file, nothing).left()[0]).toEqual(['still', 'x']);
});

it('forgets nothing when the index cannot be committed', () => {
  const file = newFile();
  openSending(file, nothing).begin('a', 'one');
  const next = openSending(file, () => {
    throw new Error('no room');
  });
  expect(next.left()).toHaveLength(1);
  expect(() => next.forget()).toThrow('no room');
  expect(next.left()).toHaveLength(1);
  expect(openSending(file, nothing).left()).toEqual([['a', 'one']]);
});

it('keeps what is not forgotten when it is tidied up or closed', () => {
  const file = newFile();
  const first = openSending(file, nothing);
  first.begin('a', 'one');
  first.gone('b');
  const next = openSending(file, nothing);
  for (let number = 0; number < 200; number++) next.begin(`name ${number}`, 'y'.repeat(10_000))();
  next.close();
  expect(openSending(file, nothing).left().slice(0, 2)).toEqual([
    ['a', 'one'],
    ['b', undefined],
  ]);
});

it('reads what a power cut or a full disk has left of it', () => {
  const file = newFile();
  writeFileSync(file, '\n["a","one"]\n["b","tw');
  appendFileSync(file, '\n["c","three"]\n\0\0\0\n[1]\n{}\n["d",2]\n["e"]');
  expect(openSending(file, nothing).left()).toEqual([
    ['a', 'one'],
    ['c', 'three'],
    ['e', undefined],
  ]);
  expect(readFileSync(file, 'utf8')).toContain('["b","tw');
});

it('says what failed when it cannot write', () => {
  const file = join(temporaryFolder(), 'absent', 'sending');
  expect(() => openSending(file, nothing).begin('a', 'one')).toThrow(
    expect.objectContaining({ name: 'SyncError', op: 'index', code: 'IndexFailed', retryable: true }),
  );
});
