/** `ops status`: what waits, what is held, what ran, who lives. */
import { type Command, DONE } from './command.ts';
import { readStatus } from './status-reading.ts';
import { statusText } from './status-text.ts';

export const status: Command = {
  usage: '',
  summary: 'what waits, what is held, what ran and when, which agents live',
  details: '  ops status\n  ops status --stack sluice-prod --json',
  options: {},
  words: { min: 0, max: 0 },
  on: 'stack',
  async run(ops) {
    const found = await readStatus(ops);
    ops.terminal.print(ops.json ? JSON.stringify(found, undefined, 2) : statusText(found, ops.terminal));
    return DONE;
  },
};
