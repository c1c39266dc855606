/** A real HTTP server that answers as told, and the wire client in front of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { createS3Store, type S3Store, type StoreOptions } from '#adapters/s3/store.ts';

export type Answer = (response: ServerResponse, request: SeenRequest) => void;
export type SeenRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'rawHeaders'> & {
  body: Buffer;
};

export function errorAnswer(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
  return (response, { method }) => response.writeHead(status, headers).end(method === 'HEAD' ? '' : xml);
}

/** Answers every request with `answer`. */
export async function serveHttp(answer: Answer): Promise<{ endpoint: string; seen: SeenRequest[] }> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const { method, url, headers, rawHeaders } = request;
    const one = { method, url, headers, rawHeaders, body: Buffer.concat(await Array.fromAsync(request)) };
    seen.push(one);
    answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** A store on a server that answers the requests in turn; the last answer repeats. */
export async function scriptedStore(
  answers: readonly Answer[],
  options: Partial<StoreOptions> = {},
): Promise<{ store: S3Store; seen: SeenRequest[] }> {
  let turn = 0;
  const { endpoint, seen } = await serveHttp((response, request) => {
    const answer = answers[Math.min(turn, answers.length - 1)];
    turn++;
    answer?.(response, request);
  });
  return { store: storeAt(endpoint, options), seen };
}

export function storeAt(endpoint: string, options: Partial<StoreOptions> = {}): S3Store {
  const store = createS3Store({
    bucket: 'b',
    region: 'us-east-1',
    endpoint,
    addressing: 'path',
    credentials: fixedCredentials({ accessKeyId: 'a', secretAccessKey: 's' }),
    retry: { attempts: 3, baseDelayMs: 1, maxDelayMs: 1 },
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}
