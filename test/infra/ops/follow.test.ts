import { beforeAll, expect, it } from 'vitest';
import { createClients } from '../../../infra/ops/clients.ts';
import { describeStack } from '../../../infra/ops/deployed.ts';
import { logs } from '../../../infra/ops/logs.ts';
import { opsStack } from './stack.ts';

type Stack = Awaited<ReturnType<typeof opsStack>>;
let stack: Stack;
beforeAll(async () => {
  stack = await opsStack();
});

class Interrupted extends Error {}

/** Follows the log of a function; before each further look `between` is awaited, and it ends what would go on for ever. */
async function follow(between: (printed: readonly string[]) => Promise<void>): Promise<string[]> {
  if (logs.on !== 'stack') throw new Error('logs are of a stack');
  const clients = createClients(process.env);
  const printed: string[] = [];
  const run = logs.run(
    {
      clients,
      stack: await describeStack(clients, stack.name),
      terminal: {
        print: (text) => void printed.push(text),
        note: () => {},
        progress: () => {},
        paint: (_style, text) => text,
        ask: async () => undefined,
      },
      json: false,
      nowMs: Date.now,
      delay: () => between(printed),
      pollMs: 1,
    },
    ['Retention'],
    { since: '1h', follow: true },
  );
  await expect(run).rejects.toThrow(Interrupted);
  return printed.filter((line) => line.includes('said by the function'));
}

it('following a log shows what comes later, and every line once', async () => {
  await stack.ops('retention');
  let asked = 1;
  let looksAfter = 0;
  const printed = await follow(async (lines) => {
    const said = lines.filter((line) => line.includes('said by')).length;
    if (said === 1 && asked === 1) {
      asked++;
      await stack.ops('retention');
    }
    // Lines that were shown are met again by each look.
    if (said >= 2 && ++looksAfter > 3) throw new Interrupted();
  });
  expect(printed).toHaveLength(2);
});
