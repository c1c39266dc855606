/**
 * A file manager for tests and demos: it keeps what it was told (of contents only their hash and size), shows its last
 * calls, and can be told to fail. node:http, because the point is to read requests exactly as they come.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { createFileKeeper, type KeptFile, Refusal } from './file-keeper.ts';
import { callsPage } from './file-manager-page.ts';
import { hasSignature } from './file-manager-signature.ts';

export interface FileManagerCall {
  /** ISO 8601, UTC. */
  at: string;
  op: string;
  key: string;
  /** The old key of a rename. */
  from?: string;
  sizeBytes?: number;
  sha256?: string;
  etag?: string;
  permissions?: unknown;
  idempotencyKey: string;
  /** The idempotency key was known: nothing was done. */
  repeated: boolean;
  status: number;
}

/** The next calls are answered with that status; `applied`: after having been carried out. */
interface Failure {
  status: number;
  times: number;
  applied?: boolean;
}

export interface FileManagerServer {
  url: string;
  /** The last ones, oldest first. */
  calls(): readonly FileManagerCall[];
  files(): ReadonlyMap<string, KeptFile>;
  fail(failure: Failure): void;
  /** How many of the next calls it was told to fail. */
  failing(): number;
  stop(): Promise<void>;
}

const KEPT_CALLS = 1000;
const KEPT_IDS = 100_000;
const KEPT_REPORTS = 100;

const failure = z.strictObject({
  status: z.int().min(300).max(599),
  times: z.int().min(0),
  applied: z.boolean().default(false),
});
export interface FileManagerOptions {
  /** 0: any that is free. */
  port?: number;
  /** Refuses calls that are not signed with it. */
  signingKey?: string;
  /** Told each call, and the same as a line of text. */
  onCall?: (line: string, call: FileManagerCall) => void;
}

export async function startFileManager(options: FileManagerOptions = {}): Promise<FileManagerServer> {
  const { files, read } = createFileKeeper();
  const done = new Set<string>();
  const calls: FileManagerCall[] = [];
  const reports: unknown[] = [];
  let failing: Failure = { status: 500, times: 0 };

  async function perform(op: string, request: IncomingMessage): Promise<[number, unknown]> {
    const idempotencyKey = String(request.headers['idempotency-key'] ?? '');
    if (idempotencyKey === '') throw new Refusal(400, 'no idempotency key');
    const { body, told, apply } = await read(op, request);
    if (options.signingKey !== undefined && !hasSignature(request, body, options.signingKey)) {
      throw new Refusal(401, 'not signed with the key');
    }
    const fails = failing.times > 0;
    if (fails) failing = { ...failing, times: failing.times - 1 };
    const repeated = done.has(idempotencyKey);
    const at = new Date().toISOString();
    const note = (status: number) => {
      const call = { at, op, ...told, idempotencyKey, repeated, status };
      calls.push(call);
      if (calls.length > KEPT_CALLS) calls.shift();
      options.onCall?.(lineOf(op, call), call);
      return status;
    };
    if (fails && failing.applied !== true) return [note(failing.status), { error: 'told to fail' }];
    if (!repeated) {
      try {
        apply();
      } catch (error) {
        if (error instanceof Refusal) note(error.status);
        throw error;
      }
      done.add(idempotencyKey);
      for (const oldest of done) {
        if (done.size <= KEPT_IDS) break;
        done.delete(oldest);
      }
    }
    return fails ? [note(failing.status), { error: 'told to fail' }] : [note(200), { repeated }];
  }

  /** The results of runs, which `report.endpoints` of the settings may send to the same service. */
  async function takeReport(request: IncomingMessage): Promise<[number, unknown]> {
    const body = await text(request);
    if (options.signingKey !== undefined && !hasSignature(request, body, options.signingKey)) {
      throw new Refusal(401, 'not signed with the key');
    }
    const report: unknown = JSON.parse(body);
    reports.push(report);
    if (reports.length > KEPT_REPORTS) reports.shift();
    return [200, {}];
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const what = `${request.method} ${request.url}`;
    if (what === 'GET /') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(callsPage(calls, files));
    } else if (what === 'GET /calls') json(response, 200, calls);
    else if (what === 'GET /reports') json(response, 200, reports);
    else if (what === 'POST /reports') json(response, ...(await takeReport(request)));
    else if (what === 'GET /files') json(response, 200, Object.fromEntries(files));
    else if (what === 'POST /fail') {
      failing = failure.parse(JSON.parse(await text(request)));
      json(response, 200, failing);
    } else {
      const [, op = ''] = /^POST \/(updatePermissions|saveToDisk|delete|rename)$/.exec(what) ?? [];
      if (op === '') throw new Refusal(404, 'no such call');
      json(response, ...(await perform(op, request)));
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // The client went away in the middle of its call: nobody is left to be answered.
      if (request.destroyed && !request.complete) return;
      const bad = error instanceof SyntaxError || error instanceof z.ZodError || error instanceof URIError;
      const status = error instanceof Refusal ? error.status : bad ? 400 : 500;
      json(response, status, { error: error instanceof Error ? error.message : String(error) });
    });
  });
  server.requestTimeout = 0;
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls: () => calls,
    files: () => files,
    fail: (next) => {
      failing = next;
    },
    failing: () => failing.times,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function lineOf(
  op: string,
  {
    key,
    from,
    sizeBytes,
    repeated,
    status,
  }: Pick<FileManagerCall, 'key' | 'from' | 'sizeBytes' | 'repeated' | 'status'>,
): string {
  const size = sizeBytes === undefined ? '' : `, ${sizeBytes} bytes`;
  const ended = status < 300 ? (repeated ? ', repeated' : '') : `, answered ${status}`;
  return `${op} ${from === undefined ? '' : `${from} -> `}${key}${size}${ended}`;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const location = status >= 300 && status < 400 ? { location: '/elsewhere' } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...location }).end(JSON.stringify(value));
}
