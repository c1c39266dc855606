/** Gives memory back that was needed once: at the start, in a scan, under a burst. */
import { readFileSync } from 'node:fs';
import { functionOrNothing } from './libc.ts';

/** https://man7.org/linux/man-pages/man2/madvise.2.html */
const MADV_DONTNEED = 4;
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (r-[-x]p) \S+ \S+ \d+\s+(.*)$/;

const trim = functionOrNothing('int malloc_trim(size_t pad)');
const advise = functionOrNothing('int madvise(uintptr_t start, size_t length, int advice)');

/**
 * What nothing points to any more, which V8 collects only when it wants memory, what the C library keeps for later, and
 * the pages of the program.
 */
export function giveMemoryBack(): void {
  // There in the executable only, which is started with --expose-gc.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  trim?.(0);
  givePagesBack();
}

/**
 * The pages of the program, a quarter of which only its start needs: the kernel has them in its cache, and maps again what
 * is used again, for a few milliseconds in all.
 */
export function givePagesBack(): void {
  for (const { start, sizeBytes } of untouchedMappings(readFileSync('/proc/self/smaps', 'latin1'))) {
    advise?.(start, sizeBytes, MADV_DONTNEED);
  }
}

/**
 * Of the program's own file, as smaps lists them: readable, not writable, and without a page that differs from the file,
 * such as those that the loader has filled in; they would come back as they were before that.
 * https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html
 */
export function untouchedMappings(
  smaps: string,
  program: string = process.execPath,
): { start: number; sizeBytes: number }[] {
  const found: { start: number; sizeBytes: number }[] = [];
  let mapping: { start: number; sizeBytes: number } | undefined;
  for (const line of smaps.split('\n')) {
    const [, from, to, , path] = MAPPING.exec(line) ?? [];
    if (from !== undefined && to !== undefined && path === program) {
      const start = Number.parseInt(from, 16);
      mapping = { start, sizeBytes: Number.parseInt(to, 16) - start };
    } else if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) mapping = undefined;
    else if (line.startsWith('Anonymous:') && mapping !== undefined) {
      if (Number.parseInt(line.slice('Anonymous:'.length), 10) === 0) found.push(mapping);
      mapping = undefined;
    }
  }
  return found;
}
