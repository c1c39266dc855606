/**
 * `ops redrive`: what gave up is tried again. Received from the dead-letter queue, sent to the queue it came from, and
 * only then deleted: cut off in between, a message is there twice, and every consumer can do with that.
 */
import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { countText } from '#core/amounts.ts';
import { type Command, DONE, FAILED, type Ops } from './command.ts';
import { type Consumer, findConsumer } from './consumers.ts';
import { queueDepth, total } from './queues.ts';
import { UsageError } from './usage-error.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
const MESSAGES_AT_ONCE = 10;
const WAIT_SECONDS = 1;
/** The count of a queue is approximate, and a receive may miss what is there. */
const EMPTY_RECEIVES = 3;

export const redrive: Command = {
  usage: 'CONSUMER|all [--limit N]',
  summary: 'try again what is in the dead-letter queues',
  details: `CONSUMER is ledger, deliver, invalidate, a destination, reconcile-ledger, reconcile-<destination>, agent-<name> or
schedules; or the word of its alarm, such as EventReplay. Mend the cause first: what fails again comes back.
Messages that come back while it runs are not taken twice.

  ops redrive all
  ops redrive site-b --limit 10`,
  options: { limit: { type: 'string' } },
  words: { min: 1, max: 1 },
  on: 'stack',
  async run(ops, [name = ''], { limit }) {
    const most = limitOf(limit);
    const chosen = choose(ops, name);
    const moved: { consumer: string; moved: number; left: number }[] = [];
    for (const consumer of chosen) {
      if (consumer.dlqUrl === undefined) continue;
      const waiting = total(await queueDepth(ops.clients, consumer.dlqUrl));
      const count =
        consumer.queueUrl === undefined || waiting === 0
          ? 0
          : await move(ops, consumer.dlqUrl, consumer.queueUrl, Math.min(waiting, most));
      const left = waiting - count;
      moved.push({ consumer: consumer.name, moved: count, left });
      if (!ops.json && waiting > 0) ops.terminal.print(line(consumer, count, left));
    }
    ops.terminal.progress(undefined);
    if (ops.json) ops.terminal.print(JSON.stringify(moved, undefined, 2));
    else if (moved.every((one) => one.moved === 0 && one.left === 0)) {
      ops.terminal.print(name === 'all' ? 'nothing to redrive' : `${moved[0]?.consumer}: nothing to redrive`);
    }
    return moved.some((one) => one.left > 0) && most === Number.POSITIVE_INFINITY ? FAILED : DONE;
  },
};

function choose({ stack }: Ops, name: string): Consumer[] {
  if (name === 'all') return stack.consumers.filter(({ dlqUrl }) => dlqUrl !== undefined);
  const found = findConsumer(stack.consumers, name);
  if (found?.dlqUrl !== undefined) return [found];
  const known = stack.consumers.filter(({ dlqUrl }) => dlqUrl !== undefined).map((one) => one.name);
  throw new UsageError(`${name} is no consumer of ${stack.name}; there are ${known.join(', ')} and all`);
}

function line({ name, queueUrl }: Consumer, moved: number, left: number): string {
  if (queueUrl === undefined) {
    return `${name}: ${countText(left)} runs failed; they have no queue: run the function again by hand (ops reconcile, retention, incremental-sync)`;
  }
  return `${name}: ${countText(moved)} sent again${left > 0 ? `, ${countText(left)} left` : ''}`;
}

/** Answers how many were sent again. */
async function move({ clients, terminal }: Ops, from: string, to: string, most: number): Promise<number> {
  const sqs = clients.sqs();
  let moved = 0;
  for (let empty = 0; moved < most && empty < EMPTY_RECEIVES; ) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: from,
        MaxNumberOfMessages: Math.min(MESSAGES_AT_ONCE, most - moved),
        WaitTimeSeconds: WAIT_SECONDS,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['MessageGroupId'],
      }),
    );
    empty = Messages.length === 0 ? empty + 1 : 0;
    // One by one and in order: of a FIFO queue the first that is not taken must hold up the others.
    for (const message of Messages) {
      await sqs.send(sendAgain(to, message));
      await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle: message.ReceiptHandle }));
      moved++;
      terminal.progress(`${countText(moved)} of ${countText(most)} sent again`);
    }
  }
  return moved;
}

function sendAgain(to: string, message: Message): SendMessageCommand {
  const { MessageId = '', Body = '', MessageAttributes, Attributes } = message;
  const group = Attributes?.MessageGroupId;
  return new SendMessageCommand({
    QueueUrl: to,
    MessageBody: Body,
    ...(MessageAttributes === undefined ? {} : { MessageAttributes }),
    ...(group === undefined
      ? {}
      : {
          MessageGroupId: group,
          // Not the first one's: within five minutes the queue would take it for a copy, and drop it silently.
          MessageDeduplicationId: `redrive-${MessageId}`,
        }),
  });
}

function limitOf(text: OptionValue): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new UsageError(`--limit: found ${JSON.stringify(text)}, expected a whole number, at least 1`);
}

type OptionValue = string | boolean | undefined;
