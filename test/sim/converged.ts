/** What must be the same everywhere once all is quiet. Each function answers the first thing that is not. */
import { isDeepStrictEqual } from 'node:util';
import { canonicalJson } from '#core/canonical-json.ts';
import { createChangeFold } from '#core/change-fold.ts';
import { CONTROL, LEDGER, readControl, reconcileState } from '#core/controls.ts';
import { imageOf, parseJournal } from '#core/journal.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { ANOTHER_STATE } from '#core/ledger-entry.ts';
import { parseFileMetadata } from '#core/metadata.ts';
import { isReserved, REPORT_PREFIX } from '#core/names.ts';
import type { Cloud } from './cloud.ts';
import type { SimDestination } from './destination.ts';
import type { Held } from './past.ts';

/**
 * @param missesNothing whether a queue has had every event and has worked off every message
 * @param exactly compares also what no listing shows when it changes alone: metadata, and versions of equal bytes
 */
export async function firstDifference(
  cloud: Cloud,
  missesNothing: (queue: string) => boolean,
  exactly: boolean,
): Promise<string | undefined> {
  for (const destination of cloud.destinations) {
    if (!missesNothing(`mirror-${destination.settings.name}`)) continue;
    const difference = ofDestination(cloud, destination, exactly);
    if (difference !== undefined) return difference;
  }
  if (cloud.setup.cdn && missesNothing('invalidate')) {
    const difference = ofCdn(cloud);
    if (difference !== undefined) return difference;
  }
  if (!missesNothing('replay')) return undefined;
  return (
    (await ofLedger(cloud, missesNothing, exactly)) ?? (await ofFileManager(cloud, missesNothing, exactly))
  );
}

/** All that the hub has ever had, and what it might have had. */
function keysOf({ hub, setup }: Cloud): Set<ObjectKey> {
  const known = [...hub.past.keys()].filter((key) => !isReserved(key));
  return new Set([...setup.keys, ...known.map(objectKey)]);
}

function ofDestination(
  cloud: Cloud,
  { settings, past }: SimDestination,
  exactly: boolean,
): string | undefined {
  const { hub } = cloud;
  const { name, deletes } = settings;
  for (const key of keysOf(cloud)) {
    const [source, copy] = [hub.past.now(key), past.now(key)];
    if (source === undefined && !deletes) continue;
    if (source?.body !== copy?.body)
      return `${key}: the hub has ${textOf(source)}, and ${name} ${textOf(copy)}`;
    if (exactly && source?.metadata.mode !== copy?.metadata.mode) return `${key}: its mode is not at ${name}`;
  }
  return undefined;
}

function ofCdn(cloud: Cloud): string | undefined {
  const { hub, cdn } = cloud;
  for (const key of keysOf(cloud)) {
    const last = hub.past.of(key).at(-1);
    if (last !== undefined && !cdn.forgotten(key, last.fromMs))
      return `${key}: the CDN was not told of its last change`;
  }
  return undefined;
}

async function ofLedger(
  cloud: Cloud,
  missesNothing: (queue: string) => boolean,
  exactly: boolean,
): Promise<string | undefined> {
  const { setup, hub, stored, destinations, sim } = cloud;
  for (const key of keysOf(cloud)) {
    const source = hub.past.now(key);
    const row = await stored.get(key);
    if (source === undefined) {
      if (row?.state === 'present') return `${key}: the hub has nothing, and the ledger ${row.etag}`;
      continue;
    }
    if (row?.state !== 'present' || row.etag !== source.etag)
      return `${key}: the hub has ${source.etag}, and the ledger ${row?.state} ${row?.etag}`;
    if (exactly && setup.versioned && row.versionId !== source.versionId)
      return `${key}: the hub has version ${source.versionId}, and the ledger ${row.versionId}`;
    // Of two records the one with the later time stays, whichever clock has given it.
    if (sim.faults.fired['clock step'] > 0) continue;
    for (const { settings } of destinations) {
      const record = row.mirrors[settings.name];
      // Withdrawn by a request that took effect late: the next comparison notes it again.
      if (record?.sourceEtag === ANOTHER_STATE) continue;
      if (missesNothing(`mirror-${settings.name}`) && record?.sourceEtag !== source.etag)
        return `${key}: ${settings.name} has ${source.etag}, and the ledger says ${record?.sourceEtag}`;
    }
  }
  return undefined;
}

async function ofFileManager(
  cloud: Cloud,
  missesNothing: (queue: string) => boolean,
  exactly: boolean,
): Promise<string | undefined> {
  const { setup, hub, stored, fileManager } = cloud;
  if (setup.fileManager === undefined || !missesNothing('deliver')) return undefined;
  for (const key of keysOf(cloud)) {
    const source = hub.past.now(key);
    const row = await stored.get(key);
    const body = fileManager.contentOf(key);
    if (source === undefined && !setup.fileManager.deletes) continue;
    if (source?.body !== body) return `${key}: the hub has ${textOf(source)}, and the file manager ${body}`;
    if (source === undefined) continue;
    if (row?.delivery?.etag !== source.etag)
      return `${key}: the file manager has ${source.etag}, and the ledger says ${row?.delivery?.etag}`;
    const permissions = row.permissions?.json ?? permissionsOf(source);
    const kept = fileManager.memory.files.get(key)?.permissions;
    if (exactly && kept !== permissions)
      return `${key}: the file manager has the permissions ${kept}, not ${permissions}`;
  }
  return undefined;
}

/** Whether the journal tells how each row has become what it is. */
export async function firstUntold({ reports, stored }: Cloud): Promise<string | undefined> {
  const fold = createChangeFold();
  for await (const { key } of reports.list(REPORT_PREFIX.journal)) {
    for (const line of parseJournal(String(reports.contents(key)), key)) fold.add(line);
  }
  const told = new Map(fold.sorted().map(({ key, after }) => [key, after]));
  for await (const row of stored.entries()) {
    // Of a message that comes twice, and whose second one ends early, a write of what the row says already is not told.
    const last = { ...told.get(row.key), revision: row.revision };
    if (row.revision > 0 && !isDeepStrictEqual(last, imageOf(row)))
      return `${row.key}: the journal does not say what the ledger says`;
  }
  return undefined;
}

/** A reconcile run of what is as it should be asks for nothing. */
export async function firstUnrest({ controls, destinations, setup }: Cloud): Promise<string | undefined> {
  for (const name of [LEDGER, ...destinations.map(({ settings }) => settings.name)]) {
    const { value } = await readControl(controls, CONTROL.reconcile(name), reconcileState);
    const last = value?.last;
    if (last === undefined || last.error !== undefined) return `the reconcile of ${name} did not end`;
    // Of a file manager that is told of no deletes, reconcile cannot know that it need not be asked.
    const deliveries = setup.fileManager?.deletes === false ? 0 : last.deliveries;
    if (last.differences + last.records + deliveries > 0)
      return `reconcile of ${name} still asks for ${JSON.stringify(last)}`;
  }
  return undefined;
}

/** What an agent, or whoever has put the object, says of its file. */
function permissionsOf({ metadata }: Held): string {
  const { mode, uid, gid } = parseFileMetadata(metadata);
  const known = { mode: mode?.toString(8).padStart(4, '0'), uid, gid };
  return canonicalJson(Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)));
}

function textOf(held: Held | undefined): string {
  return held === undefined ? 'nothing' : held.body;
}
