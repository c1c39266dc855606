/** What the cases share: a directory, the programs, servers, and the end of everything that was started. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Programs, programs } from './programs.ts';
import { type Server, startMinioServer, startSink } from './servers.ts';

export interface Bench {
  programs: Programs;
  /** A tenth of the work: to see that everything runs, not for figures. */
  quick: boolean;
  /** What starts ours. */
  agent: readonly string[];
  say(line: string): void;
  /** A new directory. */
  newDirectory(name: string): string;
  /** The null store, one for each set of its options. */
  sink(...options: string[]): Promise<Server>;
  /** One for each name. */
  minio(name?: string): Promise<Server>;
  /** The same value for everybody who asks for the name; made once. */
  shared<Value>(name: string, make: () => Promise<Value>): Promise<Value>;
  /** Called in the reverse order when the bench ends, however it does, unless the function answered is called before. */
  atEnd(stop: () => Promise<void>): () => void;
  close(): Promise<void>;
}

export function createBench({ quick, agent, say }: Pick<Bench, 'quick' | 'agent' | 'say'>): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const tools = programs(say);
  const made = new Map<string, Promise<unknown>>();
  const stops = new Set<() => Promise<void>>();
  let directories = 0;
  const bench: Bench = {
    programs: tools,
    quick,
    agent,
    say,
    newDirectory(name) {
      const path = join(directory, `${++directories}-${name}`);
      mkdirSync(path);
      return path;
    },
    sink: (...options) =>
      bench.shared(`sink ${options.join(' ')}`, async () => {
        const sink = await startSink(await tools.sink(), options);
        bench.atEnd(sink.stop);
        return sink.server;
      }),
    minio: (name = 'minio') =>
      bench.shared(`minio ${name}`, async () => {
        const minio = await startMinioServer(await tools.minio(), bench.newDirectory(name));
        bench.atEnd(minio.stop);
        return minio.server;
      }),
    shared<Value>(name: string, make: () => Promise<Value>) {
      const known = (made.get(name) as Promise<Value> | undefined) ?? make();
      made.set(name, known);
      return known;
    },
    atEnd(stop) {
      stops.add(stop);
      return () => stops.delete(stop);
    },
    async close() {
      for (const stop of [...stops].reverse()) await stop();
      stops.clear();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return bench;
}
