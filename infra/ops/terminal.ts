/** What the commands print on: stdout for answers, stderr for what goes on, colours and questions only where a person is. */
import { clearLine, cursorTo } from 'node:readline';
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

export interface Terminal {
  /** One line, or several, of the answer. */
  print(text: string): void;
  /** One line about what goes on. */
  note(text: string): void;
  /** One line that the next one replaces; `undefined` takes it away. Elsewhere than on a terminal: once a minute. */
  progress(text: string | undefined): void;
  paint(style: Style, text: string): string;
  /** The answer to a question; `undefined` where nobody can answer. */
  ask(question: string): Promise<string | undefined>;
}

export interface Streams {
  input: NodeJS.ReadStream;
  output: NodeJS.WriteStream;
  errors: NodeJS.WriteStream;
}

/** A terminal that does not say its width. */
const DEFAULT_COLUMNS = 80;
const MINUTE_MS = 60_000;

export function createTerminal({ input, output, errors }: Streams, nowMs = Date.now): Terminal {
  let shown = false;
  let toldMs = nowMs();

  /** In the log of a build nothing moves: it says now and then what is waited for. */
  function toldNow(text: string | undefined): void {
    if (text === undefined || nowMs() - toldMs < MINUTE_MS) return;
    toldMs = nowMs();
    errors.write(`${text}\n`);
  }

  function clear(): void {
    if (!shown) return;
    cursorTo(errors, 0);
    clearLine(errors, 0);
    shown = false;
  }

  return {
    print(text) {
      clear();
      output.write(`${text}\n`);
    },
    note(text) {
      clear();
      errors.write(`${text}\n`);
    },
    progress(text) {
      if (errors.isTTY !== true) return toldNow(text);
      clear();
      if (text === undefined) return;
      // A line as wide as the terminal would wrap, and could not be cleared any more.
      errors.write(text.slice(0, (errors.columns || DEFAULT_COLUMNS) - 1));
      shown = true;
    },
    // It follows NO_COLOR, FORCE_COLOR and whether the stream is a terminal.
    paint: (style, text) => styleText(style, text, { stream: output }),
    async ask(question) {
      if (input.isTTY !== true || errors.isTTY !== true) return undefined;
      clear();
      const lines = createInterface({ input, output: errors });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
  };
}
