/** What the agent needs of the store, the queue and the CDN, tried on objects of a few bytes. */
import { randomUUID } from 'node:crypto';
import { request } from 'undici';
import { connectionHint, connectionReason } from '#adapters/s3/s3-error.ts';
import { SyncError } from '#core/errors.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { PROBE_NAME } from '#core/names.ts';
import type { StoreCapabilities } from '#core/ports.ts';
import type { AgentSettings, FolderSettings } from '#core/settings/agent.ts';
import type { CheckTools } from './check.ts';
import { type Check, checkFailure, type Note } from './check-list.ts';

/** S3 refuses a request that is further off: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const MAX_SKEW_SECONDS = 15 * 60;
/** Above it ages and times in reports are visibly wrong. */
const SMALL_SKEW_SECONDS = 5;
const ANSWER_WITHIN_MS = 10_000;
/** Objects in these are not to be read at once. https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html */
const ARCHIVES = new Set(['GLACIER', 'DEEP_ARCHIVE']);
const CREDENTIALS = 'credentials';
const CLOCK_HINT = 'Set the clock of this host (systemd-timesyncd, chrony).';
const BODY = new TextEncoder().encode('sluice');

export function storeChecks(settings: AgentSettings, tools: CheckTools): Check[] {
  const { store, folders } = settings;
  const endpoint = store.endpoint ?? `https://s3.${store.region}.amazonaws.com`;
  const reachable = `endpoint ${endpoint}`;
  const bucket = `store ${store.endpoint ?? 'AWS'}, bucket ${store.bucket}`;
  let aheadMs = Number.NaN;
  return [
    {
      name: CREDENTIALS,
      hint: 'Correct store.credentials or store.profile.',
      run: () => checkCredentials(store, tools),
    },
    {
      name: reachable,
      hint: 'Correct store.endpoint.',
      async run() {
        aheadMs = await aheadOf(endpoint);
        return 'answers';
      },
    },
    {
      name: 'clock',
      hint: CLOCK_HINT,
      needs: [reachable],
      run: async () => clockFinding(aheadMs),
    },
    {
      name: bucket,
      hint: 'Correct store: in the settings, or the policy of these credentials.',
      needs: [CREDENTIALS, reachable],
      async run() {
        // A listing, because a refused HEAD does not say why.
        for await (const _ of tools.store.list(folders[0]?.prefix ?? '')) break;
        return 'exists, and these credentials may list it';
      },
    },
    ...folders.map((folder) => ({
      name: `permissions of ${folder.name}`,
      hint: 'Correct encryption or storageClass of the folder, or the policy of these credentials.',
      needs: [bucket],
      run: () => checkPermissions(folder, tools),
    })),
    ...folders.slice(0, 1).map(({ prefix }) => ({
      name: 'capabilities',
      hint: 'Uploads work without, with fewer checks. Look at what stands between here and the store.',
      needs: [bucket],
      run: async () => capabilityFinding(await tools.probe(prefix)),
    })),
    ...(settings.queue === undefined
      ? []
      : [
          {
            name: `queue ${settings.queue}`,
            hint: 'Correct queue: in the settings; it is an output of the stack.',
            needs: [CREDENTIALS],
            run: () => checkQueue(tools),
          },
        ]),
    ...(settings.cdn === undefined
      ? []
      : [
          {
            name: `CDN ${settings.cdn.distribution}`,
            hint: 'Correct cdn: in the settings; is the endpoint right, and can this host reach it?',
            needs: [CREDENTIALS],
            run: () => checkCdn(folders[0], tools),
          },
        ]),
  ];
}

async function checkCredentials(store: AgentSettings['store'], { credentials }: CheckTools): Promise<string> {
  const { accessKeyId, sessionToken } = await credentials();
  const temporary = sessionToken === undefined ? '' : ', temporary';
  const end = accessKeyId.slice(-Math.floor(accessKeyId.length / 4) || accessKeyId.length);
  return `from ${sourceOf(store)}: access key …${end}${temporary}`;
}

function sourceOf({ credentials, profile }: AgentSettings['store']): string {
  if (credentials !== undefined && 'file' in credentials) return `the file ${credentials.file}`;
  if (credentials !== undefined) {
    return `the variables ${credentials.accessKeyVariable} and ${credentials.secretKeyVariable}`;
  }
  return profile === undefined ? 'the AWS default chain' : `the profile ${profile}`;
}

/** How far this host's clock is ahead. Any answer will do, refusals too; NaN when it does not tell the time. */
async function aheadOf(endpoint: string): Promise<number> {
  try {
    // Not `fetch`, which refuses some ports (https://fetch.spec.whatwg.org/#port-blocking) and follows redirects.
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const askedMs = Date.now();
    const { headers, body } = await request(endpoint, { method: 'HEAD', signal, reset: true });
    const middleMs = (askedMs + Date.now()) / 2;
    await body.dump();
    return middleMs - Date.parse(String(headers.date));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw checkFailure(
      connectionReason(error),
      connectionHint(error) ??
        'Correct store.endpoint, start the store, or open the way to it (DNS, firewall).',
    );
  }
}

export function clockFinding(aheadMs: number): string | Note {
  if (Number.isNaN(aheadMs)) return 'the store does not tell the time';
  // The header has whole seconds.
  const seconds = Math.round(aheadMs / 1000);
  const detail = `${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} the store`;
  if (Math.abs(seconds) > MAX_SKEW_SECONDS) throw checkFailure(detail, CLOCK_HINT);
  return Math.abs(seconds) > SMALL_SKEW_SECONDS ? { detail, hint: CLOCK_HINT } : 'agrees with the store';
}

/** What the folder's mode does with objects, done with one. */
async function checkPermissions(folder: FolderSettings, { store }: CheckTools): Promise<string | Note> {
  const { mode, prefix, storageClass, encryption } = folder;
  for await (const _ of store.list(prefix)) break;
  const key = probeKey(prefix);
  if (mode === 'receive') {
    // Its credentials need not be able to write; deleting what is absent asks for the same permission.
    await store.head(key);
    await store.delete(key);
    return 'list, read and delete';
  }
  await store.put(key, BODY, {
    metadata: {},
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(encryption === undefined ? {} : { encryption: defined(encryption) }),
  });
  const done = ['list', 'write', await readBack(folder, key, store)];
  try {
    await store.delete(key);
    return [...done, 'delete'].join(', ');
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'AccessDenied') throw error;
    if (mode === 'mirror' && folder.deletes) throw error;
    return {
      detail: `${done.join(', ')}; delete is not allowed, and mode ${mode} never deletes`,
      hint: `The probe ${key} stays in the bucket: have it removed.`,
    };
  }
}

async function readBack({ storageClass }: FolderSettings, key: ObjectKey, store: CheckTools['store']) {
  if (ARCHIVES.has(storageClass ?? '')) {
    await store.head(key);
    return 'look';
  }
  const { body } = await store.get(key);
  const found = Buffer.concat(await Array.fromAsync(body));
  if (!found.equals(BODY)) {
    throw checkFailure(
      `${key} came back with other bytes than were written`,
      'Something between here and the store changes bytes: look at proxies and gateways.',
    );
  }
  return 'read';
}

function capabilityFinding(found: StoreCapabilities): string {
  const { crc32, conditionalPut, conditionalDelete, versions, encryption } = found;
  const has = (what: boolean, name: string) => `${what ? '' : 'no '}${name}`;
  return [
    has(crc32, 'CRC-32 check'),
    has(conditionalPut, 'conditional put'),
    has(conditionalDelete, 'conditional delete'),
    has(versions, 'versions'),
    `encryption ${encryption}`,
  ].join(', ');
}

async function checkQueue({ queueDepth }: CheckTools): Promise<string> {
  const { waiting, inFlight } = await queueDepth();
  return `can be read; about ${waiting} messages wait, ${inFlight} are in flight`;
}

/** The only permission that the agent has there is to invalidate. */
async function checkCdn(folder: FolderSettings | undefined, { cdn }: CheckTools): Promise<string> {
  const path = `/${probeKey(folder?.prefix ?? '')}`;
  await cdn?.invalidate([encodeURI(path)], randomUUID());
  return 'takes invalidations (one path was used to try it)';
}

function probeKey(prefix: string): ObjectKey {
  return objectKey(`${prefix}${PROBE_NAME}${randomUUID()}`);
}

/** Without a property that is there and undefined. */
function defined({ type, keyId }: NonNullable<FolderSettings['encryption']>) {
  return keyId === undefined ? { type } : { type, keyId };
}
