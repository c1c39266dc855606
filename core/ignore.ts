/** Which paths of a folder are none of our business. */
import ignore from 'ignore';

/** What editors and copying programs leave while they work: hidden names, and these. */
const TEMPORARY = ['.*', '*.tmp', '*.swp', '*~', '*.tmp.*'];

/** The matcher keeps its answer for each path, and those of a million files would stay for as long as the agent runs. */
const ANSWERS_KEPT = 10_000;

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
  const make = () => ignore({ ignorecase: false, allowRelativePaths: true }).add(patterns);
  let matcher = make();
  let asked = 0;
  return (path) => {
    if (path === '') return false;
    if (++asked % ANSWERS_KEPT === 0) matcher = make();
    return matcher.ignores(path);
  };
}
