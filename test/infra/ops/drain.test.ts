import { expect, it } from 'vitest';
import type { Ops } from '../../../infra/ops/command.ts';
import { drain } from '../../../infra/ops/drain.ts';

/** Looks at a queue that has these depths, one a second, the last one for ever; answers when it was taken for empty. */
async function emptyAfter(
  depths: readonly number[],
  settleMs: number,
): Promise<{ ms: number; told: string[] }> {
  const clock = { ms: 0 };
  const told: string[] = [];
  const sqs = {
    send: async () => ({
      Attributes: {
        ApproximateNumberOfMessages: '0',
        ApproximateNumberOfMessagesNotVisible: String(depths[clock.ms / 1000] ?? depths.at(-1)),
      },
    }),
  };
  const ops = {
    clients: { sqs: () => sqs },
    terminal: { progress: (text: string | undefined) => void told.push(text ?? '') },
    nowMs: () => clock.ms,
    delay: async (ms: number) => {
      clock.ms += ms;
    },
    pollMs: 1000,
  } as unknown as Ops;
  await drain(ops, [{ id: 'EventReplay', name: 'ledger', queueUrl: 'q' }], settleMs);
  return { ms: clock.ms, told };
}

it('takes a queue for empty when it has been for as long as was asked, what is in work counted', async () => {
  expect((await emptyAfter([3, 2, 0], 5000)).ms).toBe(7000);
  expect((await emptyAfter([0], 5000)).ms).toBe(5000);
});

it('begins to count anew when something comes', async () => {
  expect((await emptyAfter([0, 0, 0, 1, 0], 5000)).ms).toBe(9000);
});

it('says what is left, and nothing when it has ended', async () => {
  const { told } = await emptyAfter([1200, 0], 1000);
  expect(told[0]).toBe('ledger: 0 waiting, 1,200 in work');
  expect(told.at(-1)).toBe('');
});
