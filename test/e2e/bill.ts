/** From counted requests to dollars for a million files. */
import { PRICES } from './prices.ts';

export interface Ran {
  invocations: number;
  gigabyteSeconds: number;
  logBytes: number;
}

/** Dollars for a million files. */
export interface Bill {
  /** Of what writes the objects: PUT and COPY to the hub and to destinations on AWS. */
  puts: number;
  /** Of all other requests, messages and invocations. */
  requests: number;
  /** As long as functions ran here; a laptop with everything on two cores is many times slower than Lambda. */
  duration: number;
  logs: number;
  lines: { name: string; each: number; dollars: number }[];
}

/** Another store's requests are on another bill. */
const ELSEWHERE = /sluice-local-offsite$/;
const OWN = /^s3 (?:PutObject|CopyObject) /;

export function billOf(counts: Readonly<Record<string, number>>, ran: Ran, files: number): Bill {
  const million = 1_000_000 / files;
  const counted = Object.entries(counts)
    .filter(([name]) => !ELSEWHERE.test(name))
    .map(([name, count]) => ({ name, each: count / files, dollars: count * million * priceOf(name) }));
  const derived = [
    // Of the emulator's own doing, which no request shows: each object is one event.
    { name: 'sns publish by the hub', each: 1, dollars: 1_000_000 * PRICES.snsPublish },
    // A batch is received and deleted by one request each.
    {
      name: 'sqs receive and delete, a batch an invocation',
      each: (2 * ran.invocations) / files,
      dollars: 2 * ran.invocations * million * PRICES.sqsStandard,
    },
    {
      name: 'lambda invocations',
      each: ran.invocations / files,
      dollars: ran.invocations * million * PRICES.lambdaRequest,
    },
  ];
  const lines = [...counted, ...derived].toSorted((left, right) => right.dollars - left.dollars);
  const sum = (wanted: (name: string) => boolean) =>
    lines.filter(({ name }) => wanted(name)).reduce((total, { dollars }) => total + dollars, 0);
  const isPut = (name: string) => OWN.test(name) && !name.includes('reports');
  return {
    puts: sum(isPut),
    requests: sum((name) => !isPut(name)),
    duration: ran.gigabyteSeconds * million * PRICES.lambdaGigabyteSecond,
    logs: ((ran.logBytes * million) / 1e9) * PRICES.logGigabyte,
    lines,
  };
}

export function billText({ puts, requests, duration, logs, lines }: Bill): string {
  const row = (dollars: number, text: string) => `${dollars.toFixed(2).padStart(8)}  ${text}`;
  return [
    'dollars for a million files (two destinations, of which one on AWS, and a file manager):',
    ...lines.map(({ name, each, dollars }) => row(dollars, `${name}: ${each.toFixed(3)} a file`)),
    row(puts, 'objects written: the PUTs themselves'),
    row(requests, 'everything else that is counted'),
    row(logs, 'logs'),
    row(duration, 'duration as it was here, where everything shares two cores: no figure for Lambda'),
  ].join('\n');
}

function priceOf(name: string): number {
  const [service = '', operation = ''] = name.split(' ');
  if (service === 's3') {
    if (operation === 'DeleteObject') return 0;
    return /^(?:Put|Copy|List|POST)/.test(operation) ? PRICES.s3Write : PRICES.s3Read;
  }
  if (service === 'dynamodb') {
    return /^(?:Get|Query)/.test(operation) ? PRICES.dynamoRead : PRICES.dynamoWrite;
  }
  if (service === 'amazonsqs') return PRICES.sqsFifo;
  if (service === 'sns') return PRICES.snsPublish;
  return 0;
}
