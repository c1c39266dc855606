/** Commands that leave a request in the index for an agent that may be running. */
import { openIndex } from '#adapters/host/index-db.ts';
import { unknownWord } from '#core/nearest-word.ts';
import type { HostSettings } from '#core/settings/agent.ts';
import { EXIT, type OptionValues, UsageError } from './command.ts';
import { acceptFolder } from './folder-claim.ts';
import { indexFile } from './live.ts';

/** What was asked of one folder or lane of a bucket, and what that comes to. */
export interface Requested {
  name: string;
  [count: string]: string | number | boolean;
}

export async function retryCommand(settings: HostSettings, options: OptionValues): Promise<number> {
  const { folder, bucket } = namesIn(settings, options);
  const all = folder === undefined && bucket === undefined;
  const folders = all ? settings.folders : settings.folders.filter(({ name }) => name === folder);
  const buckets = all ? settings.buckets : settings.buckets.filter(({ name }) => name === bucket);
  const requested: Requested[] = [];
  if (folders.length > 0) {
    withIndex(settings, (index) => {
      for (const { name } of folders) {
        requested.push({ name, waiting: index.retryNow(name) });
        index.request('retry', name);
      }
    });
  }
  if (buckets.length > 0) {
    const { retryBuckets } = await import('./bucket-requests.ts');
    requested.push(...retryBuckets(settings, buckets));
  }
  return answer(requested, options, 'tried as soon as the agent runs');
}

export async function approveCommand(settings: HostSettings, options: OptionValues): Promise<number> {
  const { folder, bucket } = namesIn(settings, options);
  if (bucket !== undefined) {
    const { approveBucket } = await import('./bucket-requests.ts');
    return answer(approveBucket(settings, bucket), options);
  }
  if (folder === undefined) throw new UsageError('approve-deletes needs --folder NAME or --bucket NAME');
  return withIndex(settings, (index) => {
    const { held } = index.counts(folder);
    if (held > 0) index.request('approve-deletes', folder);
    return answer([{ name: folder, heldDeletes: held, approved: held > 0 }], options);
  });
}

export function acceptCommand(settings: HostSettings, options: OptionValues): number {
  const { folder: name } = namesIn(settings, options);
  const folder = settings.folders.find((one) => one.name === name);
  if (folder === undefined) throw new UsageError('accept-folder needs --folder NAME');
  return withIndex(settings, (index) => {
    acceptFolder(folder, index);
    return answer([{ name: folder.name, accepted: true }], options, 'the folder that is there now is taken');
  });
}

function namesIn(settings: HostSettings, options: OptionValues) {
  const named = (what: 'folder' | 'bucket', known: readonly { name: string }[]) => {
    const name = options[what];
    if (typeof name !== 'string') return undefined;
    if (known.some((one) => one.name === name)) return name;
    const names = known.map((one) => one.name);
    throw new UsageError(`--${what}: ${unknownWord(`${what} of the settings`, name, names)}`);
  };
  return { folder: named('folder', settings.folders), bucket: named('bucket', settings.buckets) };
}

/** Beside an agent that may be running. */
function withIndex<Answer>(
  settings: HostSettings,
  action: (index: ReturnType<typeof openIndex>) => Answer,
): Answer {
  const index = openIndex(indexFile(settings), { beside: true });
  try {
    return action(index);
  } finally {
    index.close();
  }
}

/** How a count is called in a text; else as it is. */
const WORDS: Readonly<Record<string, string>> = { heldDeletes: 'deletes held' };

/** @param what that comes to, in words */
function answer(requested: readonly Requested[], { json }: OptionValues, what = ''): number {
  const lines = requested.map(({ name, ...counts }) => {
    const said = Object.entries(counts).map(([of, count]) => `${WORDS[of] ?? of}: ${count}`);
    return `${name}: ${[...said, ...(what === '' ? [] : [what])].join(', ')}\n`;
  });
  process.stdout.write(json === true ? `${JSON.stringify(requested, undefined, 2)}\n` : lines.join(''));
  return EXIT.done;
}
