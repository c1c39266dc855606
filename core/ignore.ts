/** Which paths of a folder are none of our business. */
import ignore from 'ignore';

/** What editors and copying programs leave while they work: hidden names, and these. */
const TEMPORARY = ['.*', '*.tmp', '*.swp', '*~', '*.tmp.*'];

/**
 * Whether a path (relative, `/` between its parts) or a directory above it matches one of the patterns. Their syntax is
 * that of https://git-scm.com/docs/gitignore#_pattern_format, so a later `!pattern` takes back an earlier one; names
 * are compared with their case.
 */
export function createIgnore(folder: {
  ignore: readonly string[];
  ignoreTemporary: boolean;
}): (path: string) => boolean {
  const patterns = [...(folder.ignoreTemporary ? TEMPORARY : []), ...folder.ignore];
  if (patterns.length === 0) return () => false;
  const matcher = ignore({ ignorecase: false, allowRelativePaths: true }).add(patterns);
  return (path) => path !== '' && matcher.ignores(path);
}
