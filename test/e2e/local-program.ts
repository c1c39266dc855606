/** `npm start` and `npm run demo` as processes, with nothing of this one's cloud in their environment. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

export interface LocalProgram {
  process: ChildProcess;
  output(): string;
  /** Resolves with the first match in the output; rejects when the program ends before. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
  exit: Promise<number | string>;
}

/** @param program in infra/local */
export function startLocalProgram(program: string, args: readonly string[]): LocalProgram {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('AWS_') && name !== 'NODE_EXTRA_CA_CERTS',
    ),
  );
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../infra/local', program), ...args], {
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  const exit = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  return {
    process: child,
    output: () => output,
    exit,
    says(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpMatchArray>();
      const look = () => {
        const found = output.match(pattern);
        if (found !== null) resolve(found);
      };
      listeners.add(look);
      look();
      void exit.then((how) => reject(new Error(`ended (${how}) without saying ${pattern}:\n${output}`)));
      return promise.finally(() => listeners.delete(look));
    },
  };
}
