/** Stands before the emulator and counts what is asked of it, by service, operation and, for S3, bucket. */
import { once } from 'node:events';
import { Agent, request as ask, createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CountingProxy {
  url: string;
  /** Requests so far: `s3 PutObject hub`, `dynamodb UpdateItem`. */
  counts(): Readonly<Record<string, number>>;
  reset(): void;
  stop(): Promise<void>;
}

export async function startCountingProxy(emulatorPort: number): Promise<CountingProxy> {
  let counts: Record<string, number> = {};
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    const name = nameOf(incoming);
    counts[name] = (counts[name] ?? 0) + 1;
    const { method, url: path, headers } = incoming;
    const onward = ask({ agent, host: '127.0.0.1', port: emulatorPort, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    counts: () => counts,
    reset: () => {
      counts = {};
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function nameOf({ method = '', url = '', headers }: IncomingMessage): string {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') {
    const [service = '', operation = ''] = target.split('.');
    return `${service.replace(/_\d+$/, '').toLowerCase()} ${operation}`;
  }
  const { pathname, searchParams } = new URL(url, 'http://emulator');
  const service =
    /Credential=[^/]+\/\d+\/[^/]+\/([a-z0-9-]+)\//.exec(headers.authorization ?? '')?.[1] ?? 'unknown';
  if (service !== 's3') return `${service} ${method}`;
  const [, bucket = '', ...key] = pathname.split('/');
  return `s3 ${s3Operation(method, key.join('/'), searchParams, headers)} ${bucket}`;
}

function s3Operation(
  method: string,
  key: string,
  query: URLSearchParams,
  headers: IncomingMessage['headers'],
): string {
  if (query.has('tagging')) return `${method === 'PUT' ? 'Put' : 'Get'}ObjectTagging`;
  if (key === '') return method === 'GET' ? 'ListObjectsV2' : `${method}Bucket`;
  if (method === 'PUT') return headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
  return { GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method] ?? method;
}
