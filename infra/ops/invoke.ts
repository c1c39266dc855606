/** Runs a function and waits for its answer. */
import { InvokeCommand } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { SyncError } from '#core/errors.ts';
import type { Clients } from './clients.ts';

const failure = z.object({ errorMessage: z.string(), errorType: z.string().default('Error') });

/** The parsed answer. Throws `SyncError` with the function's own message when it fails. */
export async function invoke(clients: Clients, functionName: string, event: object): Promise<unknown> {
  const { Payload, FunctionError } = await clients
    .lambda()
    .send(new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }));
  const text = Buffer.from(Payload ?? []).toString();
  const value: unknown = text === '' ? undefined : JSON.parse(text);
  if (FunctionError === undefined) return value;
  const said = failure.safeParse(value);
  const what = said.success ? `${said.data.errorType}: ${said.data.errorMessage}` : text;
  throw new SyncError(`${functionName} failed: ${what}`, {
    op: 'invoke',
    retryable: true,
    code: FunctionError,
    hint: 'ops logs shows what led to it.',
  });
}
