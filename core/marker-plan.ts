/** Which directories are completely in the bucket, children before parents. */

export interface MarkerPlan {
  /** Complete: to have a marker. A directory comes after all directories below it. */
  mark: string[];
  /** Not complete: to have none. */
  unmark: string[];
}

/**
 * A directory is complete when nothing in it is missing from the bucket and all its subdirectories are complete.
 *
 * @param directories all of the folder, relative, the root as `''`; any order, parents of each included
 * @param incomplete those in which a file, or a part of the listing, is missing
 */
export function planMarkers(directories: Iterable<string>, incomplete: ReadonlySet<string>): MarkerPlan {
  const broken = new Set<string>();
  for (const directory of incomplete) {
    for (let at: string | undefined = directory; at !== undefined && !broken.has(at); at = parentOf(at)) {
      broken.add(at);
    }
  }
  const deepestFirst = [...directories].sort((left, right) => depth(right) - depth(left));
  return {
    mark: deepestFirst.filter((directory) => !broken.has(directory)),
    unmark: deepestFirst.filter((directory) => broken.has(directory)),
  };
}

function parentOf(directory: string): string | undefined {
  if (directory === '') return undefined;
  return directory.slice(0, Math.max(directory.lastIndexOf('/'), 0));
}

function depth(directory: string): number {
  return directory === '' ? 0 : directory.split('/').length;
}
