/** What `sluice-agent status` asks of the agent that runs. */
import { request } from 'node:http';
import { SyncError } from '#core/errors.ts';
import { listenAddress } from './listen-address.ts';
import type { StatusReport } from './status-report.ts';

/** Nobody listens there. */
const NOT_RUNNING = new Set(['ENOENT', 'ECONNREFUSED']);
const TIMEOUT_MS = 5_000;

/** `undefined` when no agent runs there. Throws `SyncError` when what runs there does not answer. */
export async function askStatus(listen: string): Promise<StatusReport | undefined> {
  const body = await ask(listen, '/status.json');
  return body === undefined ? undefined : (JSON.parse(body) as StatusReport);
}

function ask(listen: string, path: string): Promise<string | undefined> {
  const { path: socketPath, host, port } = { host: undefined, port: undefined, ...listenAddress(listen) };
  const where = socketPath === undefined ? { host, port } : { socketPath };
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, path, signal: AbortSignal.timeout(TIMEOUT_MS) }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', (error) => reject(unanswered(listen, error.message)));
      answer.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (answer.statusCode === 200) resolve(body);
        else reject(unanswered(listen, body.trim()));
      });
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (NOT_RUNNING.has(error.code ?? '')) resolve(undefined);
      else reject(unanswered(listen, error.message));
    });
    asked.end();
  });
}

function unanswered(listen: string, why: string): SyncError {
  return new SyncError(`the agent at ${listen}: ${why}`, {
    op: 'status',
    key: listen,
    retryable: true,
    hint: 'Ask as the user that runs the agent, or as root.',
  });
}
