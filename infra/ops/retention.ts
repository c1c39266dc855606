/** `ops retention`: the cleanup by age runs now. */

import { answerText } from './answer-text.ts';
import { type Command, DONE, FAILED } from './command.ts';
import { invoke } from './invoke.ts';
import { UsageError } from './usage-error.ts';

export const retention: Command = {
  usage: '[--dry-run]',
  summary: 'remove now what the retention rules want removed',
  details: `--dry-run removes nothing and says what would go. Every removal is recorded in the reports bucket first.

  ops retention --dry-run`,
  options: { 'dry-run': { type: 'boolean' } },
  words: { min: 0, max: 0 },
  on: 'stack',
  async run({ clients, stack, terminal, json }, _words, options) {
    const functionName = stack.outputs.Retention;
    if (functionName === undefined) {
      throw new UsageError(`${stack.name} has no retention rules; write some under retention in sluice.yaml`);
    }
    terminal.progress('the cleanup runs');
    const answer = await invoke(clients, functionName, options['dry-run'] === true ? { dryRun: true } : {});
    terminal.progress(undefined);
    terminal.print(json ? JSON.stringify(answer, undefined, 2) : answerText(answer, stack.timezone));
    if (!json && isCutShort(answer))
      terminal.note('It did not get to the end; the next run goes on there: run it again.');
    return failed(answer) ? FAILED : DONE;
  },
};

/** A run that threw has an error of its own; one that ended early says it in its answer. */
function failed(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'error' in answer && answer.error !== undefined;
}

function isCutShort(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'complete' in answer && answer.complete === false;
}
