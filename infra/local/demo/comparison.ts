/** Whether every place holds exactly what was dropped: every byte of every object is read. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { GetObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { countText } from '#core/amounts.ts';
import { isReserved, LEDGER_KEY } from '#core/names.ts';
import type { Clients } from '../../ops/clients.ts';
import { printable, table } from '../../ops/table.ts';
import { ledgerRows } from '../ledger-rows.ts';
import { noticesOf } from '../notice.ts';
import type { LocalSystem } from '../system.ts';
import type { SampleFile } from './sample-files.ts';

/** What one place holds, compared with what it should. */
export interface Finding {
  place: string;
  files: number;
  bytes: number;
  /** What is wrong, one line for each file; empty: nothing. */
  differences: string[];
}

type Held = ReadonlyMap<string, SampleFile>;

/** @param expected what hub, destinations, ledger and file manager must hold, and nothing else */
export async function compareAll(
  { hub, settings, outputs, fileManager }: LocalSystem,
  clients: Clients,
  expected: Held,
  outputDir: string,
): Promise<Finding[]> {
  const left = await filesBelow(outputDir);
  const findings: Finding[] = [
    {
      place: 'folder output (moved: empty)',
      files: left.length,
      bytes: 0,
      differences: left.map((name) => `still there: ${name}`),
    },
  ];
  const held = await objectsOf(clients, hub);
  findings.push(findingOf('hub', held, expected));
  for (const { name, bucket } of settings.destinations) {
    findings.push(findingOf(`destination ${name}`, await objectsOf(clients, bucket), expected));
  }
  findings.push(await ledgerFinding(clients, outputs.LedgerName ?? '', settings, expected));
  findings.push(findingOf('file manager', fileManager.files(), expected));
  return findings;
}

/** Missing, different and surplus, in the order of the keys. */
export function findingOf(place: string, held: Held, expected: Held): Finding {
  const differences: string[] = [];
  for (const key of [...new Set([...expected.keys(), ...held.keys()])].sort()) {
    const [wanted, found] = [expected.get(key), held.get(key)];
    if (found === undefined) differences.push(`missing: ${key}`);
    else if (wanted === undefined) differences.push(`nobody put it there: ${key}`);
    else if (wanted.sha256 !== found.sha256 || wanted.sizeBytes !== found.sizeBytes) {
      differences.push(`other bytes: ${key}`);
    }
  }
  return { place, files: held.size, bytes: bytesOf(held), differences };
}

/** Columns for a terminal, and below them what differs. */
export function findingsText(findings: readonly Finding[]): string {
  const rows = findings.map(({ place, files, bytes, differences }) => [
    place,
    countText(files),
    countText(bytes),
    differences.length === 0 ? 'as it should be' : `${countText(differences.length)} DIFFERENCES`,
  ]);
  const wrong = findings.flatMap(({ place, differences }) =>
    differences.map((difference) => printable(`${place}: ${difference}`)),
  );
  return [table([['place', 'files', 'bytes', 'compared byte for byte'], ...rows]), ...wrong].join('\n');
}

async function objectsOf(clients: Clients, bucket: string): Promise<Held> {
  const held = new Map<string, SampleFile>();
  for await (const { Contents = [] } of paginateListObjectsV2({ client: clients.s3() }, { Bucket: bucket })) {
    for (const { Key = '' } of Contents) {
      if (isReserved(Key)) continue;
      const { Body } = await clients.s3().send(new GetObjectCommand({ Bucket: bucket, Key }));
      const hash = createHash('sha256');
      let sizeBytes = 0;
      for await (const chunk of (Body ?? []) as AsyncIterable<Uint8Array>) {
        hash.update(chunk);
        sizeBytes += chunk.length;
      }
      held.set(Key, { sizeBytes, sha256: hash.digest('hex') });
    }
  }
  return held;
}

/** The ledger holds no bytes: it must know each file, its size, and that every destination has confirmed that version. */
async function ledgerFinding(
  clients: Clients,
  ledger: string,
  { destinations }: LocalSystem['settings'],
  expected: Held,
): Promise<Finding> {
  const present = new Map<string, { sizeBytes: number }>();
  const differences: string[] = [];
  for await (const row of ledgerRows(clients.dynamo(), ledger)) {
    if (row.state !== 'present') continue;
    const key = String(row[LEDGER_KEY.sort]);
    const sizeBytes = Number(row.sizeBytes);
    present.set(key, { sizeBytes });
    const wanted = expected.get(key);
    if (wanted === undefined) differences.push(`nobody put it there: ${key}`);
    else if (wanted.sizeBytes !== sizeBytes) differences.push(`other size: ${key}`);
    const confirmed = noticesOf(row).flatMap(([, notice]) =>
      notice.kind === 'mirror' && notice.etag === row.etag ? [notice.destination] : [],
    );
    for (const { name } of destinations) {
      if (!confirmed.includes(name)) differences.push(`not verified at ${name}: ${key}`);
    }
  }
  for (const key of expected.keys()) if (!present.has(key)) differences.push(`missing: ${key}`);
  return { place: 'ledger', files: present.size, bytes: bytesOf(present), differences };
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.sluice'))
    .map(({ name }) => name);
}

function bytesOf(held: ReadonlyMap<string, { sizeBytes: number }>): number {
  return [...held.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
