/** What an import answers, and how values of the old configurations are read; each says what it expects. */
import * as z from 'zod';
import type { SettingsProblem } from '../settings/problems.ts';
import { existingBucket } from '../settings/store-place.ts';

export interface Imported {
  /** For agent.yaml; without secrets. */
  settings: Record<string, unknown>;
  /** Short comments for settings, by their place in them. */
  comments: readonly { path: readonly (string | number)[]; text: string }[];
  /** What could not be carried over, and what is left to do. */
  notes: string[];
}

export type ImportResult<More = object> = (Imported & More) | { problems: SettingsProblem[] };

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** A value that passes the test, as text; otherwise a problem that says what was expected. */
export function oldText(expected: string, test: (text: string) => boolean = (text) => text !== '') {
  return z.custom<string>((value) => typeof value === 'string' && test(value), { error: expected });
}

export function oldBucketName() {
  return oldText('the name of a bucket', (text) => existingBucket.safeParse(text).success);
}

/** A decimal number of the unit, more than 0 and at most `max`; answers milliseconds. */
export function oldAmount(unit: string, unitMs: number, max: number) {
  return oldText(`a number of ${unit}, more than 0 and at most ${max}`, (text) => {
    const amount = /^\d*\.?\d+$/.test(text) ? Number(text) : 0;
    return amount <= max && Math.round(amount * unitMs) > 0;
  }).transform((text) => Math.round(Number(text) * unitMs));
}

export function oldBoolean() {
  return oldText('true or false', (text) => /^(?:true|false|yes|no|on|off|1|0)$/i.test(text)).transform(
    (text) => /^(?:true|yes|on|1)$/i.test(text),
  );
}

/** A directory; without the slashes at its end. */
export function oldDirectory() {
  return oldText(
    'an absolute path (what a relative one meant depended on where the old service was started)',
    (text) => text.startsWith('/'),
  ).transform((text) => text.replace(/\/+$/, '') || '/');
}

/** 129,600,000 is `36h`: the largest unit that divides it. */
export function durationText(durationMs: number): string {
  const unit = UNITS.find(([, unitMs]) => durationMs % unitMs === 0);
  return unit === undefined ? `${durationMs}ms` : `${durationMs / unit[1]}${unit[0]}`;
}

/** The prefix as ours are: empty, or without a slash at its start and with one at its end. */
export function ownPrefix(prefix: string): string {
  const name = prefix.replace(/^\/+|\/+$/g, '');
  return name === '' ? '' : `${name}/`;
}

/** One note for keys that the old service had no setting for; a misspelt one is seen there. */
export function unknownKeys(system: string, found: Iterable<string>, known: readonly string[]): string[] {
  const unknown = [...found].filter((key) => !known.includes(key));
  return unknown.length === 0 ? [] : [`not a setting of ${system}, ignored: ${unknown.join(', ')}`];
}
