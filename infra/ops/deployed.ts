/** A deployed stack as the commands see it: what CloudFormation says of it, and the settings its functions have. */
import { DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { SyncError } from '#core/errors.ts';
import { ENV } from '#core/names.ts';
import { isTimezone } from '#core/time-text.ts';
import type { Clients } from './clients.ts';
import { type Consumer, consumersOf, type Outputs } from './consumers.ts';

export interface DeployedStack {
  name: string;
  /** CloudFormation's, such as UPDATE_COMPLETE. */
  status: string;
  outputs: Outputs;
  consumers: Consumer[];
  destinations: Place[];
  hub: Place;
  reportsBucket: string;
  ledgerTable: string;
  /** Whether the file manager is told of deletes. */
  fileManagerDeletes: boolean;
  /** IANA name. */
  timezone: string;
}

/** A bucket as sluice.yaml describes it. */
export type Place = z.output<typeof place>;

const place = z.object({
  name: z.string().default('hub'),
  bucket: z.string(),
  region: z.string().optional(),
  endpoint: z.string().optional(),
  /** Name of the secret. */
  credentials: z.string().optional(),
  prefix: z.string().default(''),
  deletes: z.boolean().default(true),
  enabled: z.boolean().default(true),
});

/** Throws `SyncError` that says what to do when there is no such stack, or when it is no Sluice. */
export async function describeStack(clients: Clients, name: string): Promise<DeployedStack> {
  const { status, outputs } = await readStack(clients, name);
  const required = (key: string): string => {
    const value = outputs[key];
    if (value === undefined) throw notOurs(name, key);
    return value;
  };
  const replay = await environmentOf(clients, required('EventReplay'));
  const destinations = await Promise.all(
    Object.keys(outputs)
      .filter((key) => /^Mirror.*QueueUrl$/.test(key))
      .map(async (key) => {
        const functionName = required(key.slice(0, -'QueueUrl'.length));
        return parsePlace(functionName, (await environmentOf(clients, functionName))[ENV.destination]);
      }),
  );
  const fileManager = outputs.Deliver === undefined ? {} : environmentOf(clients, outputs.Deliver);
  const hubPlace = replay[ENV.hubPlace];
  return {
    name,
    status,
    outputs,
    destinations,
    consumers: consumersOf(
      outputs,
      destinations.map((one) => one.name),
    ),
    hub:
      hubPlace === undefined
        ? place.parse({ bucket: required('HubName') })
        : parsePlace(required('EventReplay'), hubPlace),
    reportsBucket: required('ReportsName'),
    ledgerTable: required('LedgerName'),
    fileManagerDeletes: deletesOf(await fileManager),
    timezone: timezoneOf(outputs),
  };
}

async function readStack(clients: Clients, name: string): Promise<{ status: string; outputs: Outputs }> {
  try {
    const { Stacks = [] } = await clients
      .cloudFormation()
      .send(new DescribeStacksCommand({ StackName: name }));
    const [stack] = Stacks;
    if (stack === undefined) throw noStack(name);
    return {
      status: stack.StackStatus ?? 'unknown',
      outputs: Object.fromEntries(
        (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
      ),
    };
  } catch (error) {
    // CloudFormation has no other code for it.
    if (error instanceof Error && error.name === 'ValidationError' && / not exist/.test(error.message)) {
      throw noStack(name);
    }
    throw error;
  }
}

async function environmentOf(clients: Clients, functionName: string): Promise<Record<string, string>> {
  const { Environment } = await clients
    .lambda()
    .send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
  return Environment?.Variables ?? {};
}

function parsePlace(functionName: string, text = ''): Place {
  try {
    return place.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    throw new SyncError(`the settings in the environment of ${functionName} cannot be read`, {
      op: 'describe-stack',
      retryable: false,
      hint: 'Was it changed by hand, or deployed by another version? Deploy again: npm run deploy',
      cause: error,
    });
  }
}

function deletesOf(environment: Record<string, string>): boolean {
  const text = environment[ENV.fileManager];
  return (
    text === undefined || z.object({ deletes: z.boolean().default(true) }).parse(JSON.parse(text)).deletes
  );
}

function timezoneOf({ Timezone = 'UTC' }: Outputs): string {
  if (isTimezone(Timezone)) return Timezone;
  throw new SyncError(`${Timezone} is no timezone that this computer knows`, {
    op: 'describe-stack',
    retryable: false,
    hint: 'Correct timezone in sluice.yaml (such as Europe/Berlin) and deploy again.',
  });
}

function noStack(name: string): SyncError {
  return new SyncError(`there is no stack ${name} in this account and region`, {
    op: 'describe-stack',
    retryable: false,
    code: 'NoStack',
    hint: 'Name it with --stack, or the place with --profile and --region; npm run deploy makes one.',
  });
}

function notOurs(name: string, output: string): SyncError {
  return new SyncError(`stack ${name} has no output ${output}`, {
    op: 'describe-stack',
    retryable: false,
    code: 'NotSluice',
    hint: 'Is it a Sluice stack, and was its deployment finished? npm run deploy finishes it.',
  });
}
