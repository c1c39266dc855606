/** Real folders and real second processes for the host adapters' tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** An empty folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-host-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs JavaScript in another process to its end; rejects with what it wrote when it fails. */
export async function runInChild(script: string, ...args: string[]): Promise<void> {
  const child = start(script, args);
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`child ended with ${code}: ${complaint}`);
}

export interface Child {
  /** The next line the child prints. */
  line(): Promise<string>;
  say(text: string): void;
}

/** Starts JavaScript in another process that talks in lines; it ends with the test. */
export function startChild(script: string, ...args: string[]): Child {
  return talking(start(script, args));
}

function talking(child: ChildProcess): Child {
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      if (next.done === true) throw new Error('the child ended');
      return next.value;
    },
    say(text) {
      child.stdin?.write(`${text}\n`);
    },
  };
}

/** Starts a command that talks in lines; it ends with the test. What it complains of is shown. */
export function startCommand(command: string, args: string[]): Child {
  return talking(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
}

function start(script: string, args: string[]): ChildProcess {
  return spawn(process.execPath, ['-e', `const fs = require('node:fs');\n${script}`, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
