/** Log lines on their way out: those of one turn of the event loop go in one write, because each write is a system call. */

const WRITE_FROM_CHARACTERS = 64 * 1024;

/**
 * Hands lines on at the end of the turn, or when there are many. The end of the process is the end of a turn as well,
 * also when an error ends it; `write` must not need the event loop.
 */
export function batchLines(
  write: (text: string) => void,
  process: NodeJS.EventEmitter,
): (line: string) => void {
  let text = '';
  let planned = false;

  function flush(): void {
    planned = false;
    const ready = text;
    text = '';
    if (ready !== '') write(ready);
  }

  process.on('exit', flush);
  return (line) => {
    text += line;
    if (text.length >= WRITE_FROM_CHARACTERS) flush();
    if (planned) return;
    planned = true;
    setImmediate(flush);
  };
}
