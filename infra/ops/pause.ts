/** `ops pause` and `ops resume`: a consumer rests, its messages wait in its queue. */
import { type Command, DONE, type Ops } from './command.ts';
import { type Consumer, findConsumer } from './consumers.ts';
import { switchesOf, turn } from './mappings.ts';
import { UsageError } from './usage-error.ts';

const WORDS = { min: 1, max: 1 };

export const pause: Command = {
  usage: 'CONSUMER',
  summary: 'let a destination or another consumer rest; what comes for it waits',
  details: `CONSUMER is a destination, ledger, deliver, invalidate or reconcile-<destination>. What is in work ends. Messages
wait up to 14 days; then only a reconcile finds what they told. A later deploy that changes the mapping may
switch it on again: for good, write enabled: false in sluice.yaml.

  ops pause site-b`,
  options: {},
  words: WORDS,
  on: 'stack',
  run: (ops, [name = '']) => turnConsumer(ops, name, false),
};

export const resume: Command = {
  usage: 'CONSUMER',
  summary: 'let a paused consumer work again',
  details: '  ops resume site-b',
  options: {},
  words: WORDS,
  on: 'stack',
  run: (ops, [name = '']) => turnConsumer(ops, name, true),
};

async function turnConsumer({ clients, stack, terminal, json }: Ops, name: string, on: boolean) {
  const consumer = switchable(stack.consumers, name, stack.name);
  const before = await switchesOf(clients, consumer.functionName);
  if (before.length === 0) throw new UsageError(`${consumer.name} has no queue that could be paused`);
  const after = await Promise.all(before.map(({ id }) => turn(clients, id, on)));
  const states = after.map(({ state }) => state);
  if (json) terminal.print(JSON.stringify({ consumer: consumer.name, paused: !on, states }, undefined, 2));
  else terminal.print(`${consumer.name}: ${on ? 'works again' : 'paused'} (${states.join(', ')})`);
  return DONE;
}

function switchable(
  consumers: readonly Consumer[],
  name: string,
  stack: string,
): Consumer & { functionName: string } {
  const found = findConsumer(consumers, name);
  const functionName = found?.functionName;
  if (found !== undefined && functionName !== undefined) return { ...found, functionName };
  const known = consumers.filter((one) => one.functionName !== undefined).map((one) => one.name);
  throw new UsageError(`${name} is no consumer of ${stack} that works here; there are ${known.join(', ')}`);
}
