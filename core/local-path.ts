/** From a key to the place of its file: the way back from `file-key.ts`, for keys that others have chosen. */
import { utf8Length } from './utf8.ts';

export type LocalPlace =
  /** Relative to the folder, without a leading slash. */
  | { path: string }
  /** Consoles and tools put an object in the place of a directory; there is no file to write. */
  | { placeholder: string }
  /** Why no file is written for it. */
  | { refused: string };

/** https://man7.org/linux/man-pages/man3/limits.h.0p.html */
const NAME_MAX_BYTES = 255;
const PATH_MAX_BYTES = 4095;

/**
 * The path of a key's file below the folder. A key that would lead elsewhere, or that no file can be called, is
 * refused and never renamed: two keys could then mean one file.
 *
 * @param prefix of the folder; the key starts with it
 * @param rootBytes of the folder's own path
 * @param hidden the name directly below the folder that is the agent's own
 */
export function localPlace(prefix: string, key: string, rootBytes: number, hidden: string): LocalPlace {
  if (!key.startsWith(prefix)) return { refused: `does not start with ${prefix}` };
  const path = key.slice(prefix.length);
  const directory = path === '' || path.endsWith('/');
  const segments = (directory ? path.slice(0, -1) : path).split('/');
  const fault = path === '' ? undefined : pathFault(path, segments, rootBytes, hidden);
  if (fault !== undefined) return { refused: fault };
  return directory ? { placeholder: path } : { path };
}

function pathFault(
  path: string,
  segments: readonly string[],
  rootBytes: number,
  hidden: string,
): string | undefined {
  if (path.startsWith('/')) return 'is an absolute path';
  if (path.includes('\0')) return 'has a NUL in it';
  if (segments[0] === hidden) return `lies in ${hidden}, which is the agent's own`;
  if (segments.includes('')) return 'has an empty directory name in it';
  const dots = segments.find((segment) => segment === '.' || segment === '..');
  if (dots !== undefined) return `has ${dots} as a name in it`;
  const longest = Math.max(...segments.map(utf8Length));
  if (longest > NAME_MAX_BYTES) return `has a name of ${longest} bytes; Linux allows ${NAME_MAX_BYTES}`;
  const bytes = rootBytes + 1 + utf8Length(path);
  return bytes > PATH_MAX_BYTES
    ? `makes a path of ${bytes} bytes; Linux allows ${PATH_MAX_BYTES}`
    : undefined;
}
