/** The real agent as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Credentials } from './hub.ts';

export interface AgentOptions {
  credentials: Credentials;
  /** How it is started. */
  program: readonly string[];
  config: string;
  /** What to put before the program, such as strace. */
  wrapper?: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

export interface Agent {
  process: ChildProcess;
  output(): string;
  /** Resolves once the output has the text; rejects when the agent ends before, or does not say it in a minute. */
  says(text: string | RegExp): Promise<void>;
  /** Exit code, or the name of the signal. */
  exit: Promise<number | string>;
  /** The process and what stands before it; resolves when both have ended. */
  kill(): Promise<number | string>;
}

/** What is kept of the output: enough for any one start. */
const MAX_OUTPUT = 1_000_000;
const SAYS_WITHIN_MS = 60_000;

/** What was waited for was not said. */
export class NotSaid extends Error {}

export function startAgent(command: string, options: AgentOptions): Agent {
  const { credentials, wrapper = [], environment = {}, config } = options;
  const [program = '', ...args] = [...wrapper, ...options.program, command, '--config', config];
  const child = spawn(program, args, {
    env: {
      PATH: process.env.PATH,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      NO_COLOR: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: what stands before the agent must not outlive it, nor the agent it.
    detached: true,
  });
  let output = '';
  const waiters = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < MAX_OUTPUT) output += text;
      for (const check of waiters) check();
    });
  }
  const exit = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal ?? ''));
  });
  return {
    process: child,
    output: () => output,
    exit,
    says(text) {
      return new Promise((resolve, reject) => {
        const refuse = (why: string) => {
          waiters.delete(check);
          clearTimeout(timer);
          reject(new NotSaid(`the agent ${why} before it said ${text}:\n${output.slice(-2000)}`));
        };
        const timer = setTimeout(() => refuse('was silent for a minute'), SAYS_WITHIN_MS);
        const check = () => {
          if (typeof text === 'string' ? !output.includes(text) : !text.test(output)) return;
          waiters.delete(check);
          clearTimeout(timer);
          resolve();
        };
        waiters.add(check);
        check();
        exit.then((code) => refuse(`ended (${code})`), reject);
      });
    },
    kill() {
      const { pid } = child;
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) {
        signalGroup(pid, 'SIGKILL');
      }
      return exit;
    },
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
