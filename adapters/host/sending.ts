/**
 * What is being sent, for the process after this one. A row is written after the reply, so a process that is killed
 * between the two leaves an object that no row knows. A line in a file beside the index goes before each request: written,
 * but not flushed to the disk, which costs microseconds. It outlives the process, not a power cut.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { indexError } from './index-error.ts';

/** The value is JSON. `undefined`: nothing is there any more of what was sent under the name before. */
export type SendingLine = readonly [name: string, value: unknown];

export interface Sending {
  /**
   * What the process before this was sending, oldest first; also what it had long confirmed, for the file is tidied
   * up now and then only. Until `forget`.
   */
  left(): readonly SendingLine[];
  forget(): void;
  /**
   * Known to the next process when it returns. The answer is called once the index knows what came of it.
   *
   * @throws SyncError `IndexFull`, `IndexFailed`
   */
  begin(name: string, value: object): () => void;
  /** What was sent under this name is gone. */
  gone(name: string): void;
  close(): void;
}

/** Some thousand lines: a tidying is a commit of the index. */
const TIDY_BYTES = 1024 * 1024;
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Nothing is made before the first line.
 *
 * @param commit puts on the disk all that the index knows
 */
export function openSending(file: string, commit: () => void): Sending {
  const going = new Set<SendingLine>();
  let left: SendingLine[] | undefined;
  let fd: number | undefined;
  let sizeBytes = 0;

  function guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw indexError(file, error);
    }
  }

  /** On a full disk the index is no better off and says so: then only this process knows. */
  function append(text: string): void {
    try {
      left ??= linesOf(file);
      fd ??= openSync(file, 'a', 0o600);
      sizeBytes += writeSync(fd, text);
    } catch (error) {
      if (!NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  function tidy(): void {
    commit();
    fd ??= openSync(file, 'a', 0o600);
    ftruncateSync(fd);
    sizeBytes = 0;
    append([...(left ?? []), ...going].map(textOf).join(''));
  }

  return {
    left: () => guarded(() => (left ??= linesOf(file))),
    forget: () =>
      guarded(() => {
        left ??= linesOf(file);
        if (left.length === 0) return;
        // Before anything is forgotten.
        commit();
        left = [];
        tidy();
      }),
    begin: (name, value) =>
      guarded(() => {
        const line: SendingLine = [name, value];
        if (sizeBytes > TIDY_BYTES) tidy();
        append(textOf(line));
        going.add(line);
        return () => void going.delete(line);
      }),
    gone: (name) => guarded(() => append(textOf([name, undefined]))),
    close: () =>
      guarded(() => {
        if (fd === undefined) return;
        closeSync(fd);
        fd = undefined;
        // Everything is known; else the next process reads it.
        if (going.size === 0 && (left ?? []).length === 0) rmSync(file);
      }),
  };
}

/** What begins a line ends the one before, whatever a full disk has left of that. */
function textOf([name, value]: SendingLine): string {
  return `\n${JSON.stringify(value === undefined ? [name] : [name, value])}`;
}

/** A power cut may have taken the end, or left a hole: what is no line of ours says nothing. */
function linesOf(file: string): SendingLine[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => parsed(line) ?? []);
}

function parsed(text: string): [SendingLine] | undefined {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!Array.isArray(line)) return undefined;
  const [name, value] = line as unknown[];
  const isOurs = typeof name === 'string' && (value === undefined || isObject(value));
  return isOurs ? [[name, value]] : undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
