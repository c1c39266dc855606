import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { printable, table } from '../../../infra/ops/table.ts';
import { createTerminal, type Streams } from '../../../infra/ops/terminal.ts';

function setup(isTTY: boolean, columns = 40) {
  const written = { output: '', errors: '' };
  const stream = (name: keyof typeof written) =>
    Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          written[name] += chunk;
          done();
        },
      }),
      { isTTY, columns },
    );
  const clock = { nowMs: 0 };
  const streams = {
    input: Object.assign(new PassThrough(), { isTTY }),
    output: stream('output'),
    errors: stream('errors'),
  };
  return {
    written,
    clock,
    streams,
    terminal: createTerminal(streams as unknown as Streams, () => clock.nowMs),
  };
}

describe('progress', () => {
  it('on a terminal is one line that gives way to the others', () => {
    const { terminal, written } = setup(true);
    terminal.progress('half');
    terminal.print('answer');
    terminal.progress('more');
    terminal.progress(undefined);
    expect(written.output).toBe('answer\n');
    expect(written.errors).toBe('half\u001b[1G\u001b[2Kmore\u001b[1G\u001b[2K');
  });

  it('never wraps', () => {
    const { terminal, written } = setup(true, 10);
    terminal.progress('123456789012345');
    expect(written.errors).toBe('123456789');
  });

  it('elsewhere is a line a minute', () => {
    const { terminal, written, clock } = setup(false);
    for (clock.nowMs = 0; clock.nowMs <= 120_000; clock.nowMs += 1000) terminal.progress(`at ${clock.nowMs}`);
    terminal.progress(undefined);
    expect(written.errors).toBe('at 60000\nat 120000\n');
  });
});

describe('a question', () => {
  it('is not asked where nobody is', async () => {
    const { terminal, written } = setup(false);
    expect(await terminal.ask('Sure? ')).toBeUndefined();
    expect(written).toEqual({ output: '', errors: '' });
  });

  it('is asked on stderr, so that stdout stays the answer', async () => {
    const { terminal, written, streams } = setup(true);
    const answer = terminal.ask('Sure? ');
    streams.input.write('yes\n');
    expect(await answer).toBe('yes');
    expect(written.output).toBe('');
    expect(written.errors).toContain('Sure? ');
  });
});

describe('a table', () => {
  it('is as wide as its widest cells, colours not counted', () => {
    expect(
      table([
        ['a', '\u001b[31mred\u001b[39m', 'x'],
        ['long', 'b', ''],
      ]),
    ).toBe('a     \u001b[31mred\u001b[39m  x\nlong  b');
  });

  it('shows what would move the cursor, or turn the text around, as a code', () => {
    expect(printable('a\u001b[2Jb\nc\u202ed\u2028e')).toBe('a\\u{1b}[2Jb\\nc\\u{202e}d\\u{2028}e');
  });
});
