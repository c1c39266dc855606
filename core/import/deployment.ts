/** What an import into sluice.yaml answers beside the settings: the secrets, apart from them, and readers of old values. */
import type { SettingsProblem } from '../settings/problems.ts';
import { bucketName, httpUrl } from '../settings/store-place.ts';
import { durationText, type Imported, oldText } from './imported.ts';
import { hostOf, isPrivateHost } from './store-host.ts';

/** A secret to create; no output of ours shows a value. */
export interface ImportedSecret {
  name: string;
  /** For whom, in a few words. */
  purpose: string;
  /** The JSON fields; `undefined`: there was none, a random one is made. */
  fields: Readonly<Record<string, string | undefined>>;
}

export interface ImportedDeployment extends Imported {
  secrets: ImportedSecret[];
}

const MINUTE_MS = 60_000;

/** What schedules can do: whole minutes, rounded up. */
export function minutesText(durationMs: number): string {
  return durationText(Math.ceil(durationMs / MINUTE_MS) * MINUTE_MS);
}

export function oldBucket() {
  return oldText(
    'a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens',
    (text) => bucketName.safeParse(text).success,
  );
}

/** An endpoint as it was written for the old tools: without a scheme it means https, and a slash at its end nothing. */
export function oldEndpoint() {
  return oldText(
    'a host or URL without path, such as https://s3.example.com',
    (text) =>
      hostOf(withScheme(text)) === withScheme(text).replace(/^https?:\/\//i, '') && isUrl(withScheme(text)),
  ).transform(withScheme);
}

/** A password in it would be printed. */
export function oldUrl() {
  return oldText(
    'a URL without user and password, such as https://files.example.com',
    (text) => isUrl(text) && !/^https?:\/\/[^/?#]*@/i.test(text),
  );
}

function withScheme(text: string): string {
  return (/^https?:\/\//i.test(text) ? text : `https://${text}`).replace(/\/$/, '');
}

function isUrl(text: string): boolean {
  return httpUrl.safeParse(text).success && hostOf(text) !== '';
}

/** Problems quote what they found. */
export function withoutPasswords(problems: readonly SettingsProblem[]): SettingsProblem[] {
  return problems.map((problem) =>
    /:\/\/[^/]*@/.test(problem.found) ? { ...problem, found: 'a URL with a password' } : problem,
  );
}

/** Said of an endpoint that functions in the cloud will not find. */
export function unreachableNote(endpoint: string, what: string): string[] {
  return isPrivateHost(hostOf(endpoint))
    ? [
        `${what} ${endpoint} is of a private network: Lambda functions reach it only by a public name; replace it, or run the job on a host beside it`,
      ]
    : [];
}

/** The lines that say what has to be in Secrets Manager, names only. */
export function secretNotes(secrets: readonly ImportedSecret[]): string[] {
  return secrets.map(
    ({ name, purpose, fields }) =>
      `secret ${name} (${purpose}) must hold JSON with ${Object.keys(fields).join(' and ')}`,
  );
}
