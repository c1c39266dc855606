/** From counted requests to dollars for a million files. */
import { PRICES } from './prices.ts';

/** Who is on the bill, each counted while it was the only one at work. */
export interface Part {
  name: string;
  /** Requests by service, operation and bucket, as the proxy names them. */
  counts: Readonly<Record<string, number>>;
  /** Of the function; absent for an agent. */
  ran?: Ran;
}

export interface Ran {
  invocations: number;
  gigabyteSeconds: number;
  logBytes: number;
  fifo: boolean;
  /** Messages in a batch, where there are so many. The emulator hands over 10 at most. */
  batch: number;
}

interface Line {
  part: string;
  name: string;
  /** A file. */
  each: number;
  /** For a million files. */
  dollars: number;
}

/** Dollars for a million files. */
export interface Bill {
  lines: Line[];
  /** Of what writes the objects: PUT and COPY to the hub and to destinations on AWS. */
  puts: number;
  /** Of all other requests, messages and invocations, and of the logs. */
  others: number;
  /** Of those, what is left with a ledger and one mirror on AWS. */
  least: number;
  /** As long as functions ran here; a laptop with everything on two cores is many times slower than Lambda. */
  duration: number;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: Lambda receives and deletes at most 10 at once. */
const MESSAGES_A_REQUEST = 10;
/** Once a batch. */
const OF_BATCHES = /^(?:s3 PutObject reports|lambda invocations)$/;
/** The ledger asks for it where there is a file manager. */
const TO_DELIVER = 'amazonsqs SendMessageBatch';
const LEAST = new Set(['upload', 'ledger', 'mirror']);
const OWN = /^s3 (?:PutObject|CopyObject) (?:hub|mirror)$/;

/** @param files so many; each is one event, and one message in each queue */
export function billOf(parts: readonly Part[], files: number): Bill {
  const lines = parts.flatMap((part) =>
    [...Object.entries(part.counts).map(priced), ...derived(part, files)].map(({ name, count, price }) => {
      const each = (count / files) * (OF_BATCHES.test(name) ? fewerWhenFull(part, files) : 1);
      return { part: part.name, name, each, dollars: each * 1_000_000 * price };
    }),
  );
  const sum = (wanted: (line: Line) => boolean) =>
    lines.filter(wanted).reduce((total, { dollars }) => total + dollars, 0);
  const isPut = ({ name }: Line) => OWN.test(name);
  const seconds = parts.reduce((total, { ran }) => total + (ran?.gigabyteSeconds ?? 0), 0);
  return {
    lines: lines.toSorted((left, right) => right.dollars - left.dollars),
    puts: sum(isPut),
    others: sum((line) => !isPut(line)),
    least: sum((line) => !isPut(line) && LEAST.has(line.part) && line.name !== TO_DELIVER),
    duration: (seconds / files) * 1_000_000 * PRICES.lambdaGigabyteSecond,
  };
}

export function billText({ lines, puts, others, least, duration }: Bill): string {
  const row = (dollars: number, text: string) => `${dollars.toFixed(2).padStart(8)}  ${text}`;
  return [
    'dollars for a million files (two destinations, of which one on AWS, a file manager and a CDN), full batches:',
    ...lines.map(({ part, name, each, dollars }) =>
      row(dollars, `${part}: ${name}: ${each.toFixed(3)} a file`),
    ),
    row(puts, 'objects written: the PUTs themselves'),
    row(others, 'everything else that is counted, logs included'),
    row(least, 'of that, with a ledger and the mirror on AWS alone'),
    row(duration, 'duration as it was here, where everything shares two cores: no figure for Lambda'),
  ].join('\n');
}

/** What is done once a batch is done so much less often where batches are full. */
function fewerWhenFull({ ran }: Part, files: number): number {
  return ran === undefined ? 1 : Math.min(1, files / ran.batch / ran.invocations);
}

interface Counted {
  name: string;
  count: number;
  price: number;
}

function priced([name, count]: [name: string, count: number]): Counted {
  return { name, count, price: priceOf(name) };
}

/** What the emulator does itself, so that no request shows it: events to the topic, polling of queues, starting of functions. */
function derived({ ran }: Part, files: number): Counted[] {
  if (ran === undefined) return [{ name: 'sns publish by the hub', count: files, price: PRICES.snsPublish }];
  const { invocations, logBytes, fifo } = ran;
  return [
    {
      name: 'sqs receive and delete',
      count: 2 * Math.max(invocations, files / MESSAGES_A_REQUEST),
      price: fifo ? PRICES.sqsFifo : PRICES.sqsStandard,
    },
    { name: 'lambda invocations', count: invocations, price: PRICES.lambdaRequest },
    { name: 'bytes of logs', count: logBytes, price: PRICES.logGigabyte / 1e9 },
  ];
}

function priceOf(name: string): number {
  const [service = '', operation = '', bucket = ''] = name.split(' ');
  if (service === 's3') {
    // Another store's requests are on another bill.
    if (operation === 'DeleteObject' || bucket === 'offsite') return 0;
    return /^(?:Put|Copy|List|POST)/.test(operation) ? PRICES.s3Write : PRICES.s3Read;
  }
  if (service === 'dynamodb') {
    return /^(?:Get|Query)/.test(operation) ? PRICES.dynamoRead : PRICES.dynamoWrite;
  }
  if (service === 'amazonsqs') return PRICES.sqsFifo;
  if (service === 'sns') return PRICES.snsPublish;
  return 0;
}
