/**
 * The worker of `createPoller`: remembers the trees and compares them when it is asked to. Synchronous calls are
 * several times faster than the promise API, and a network filesystem that hangs holds up nobody here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { SystemError } from './libc.ts';
import { type PolledTree, polledTree } from './polling-tree.ts';

export type PollingRequest = PollingLook | 'end';

export interface PollingLook {
  /** Relative to the root, in latin1. The first look at a quiet one reports nothing. */
  look: { top: string; quiet: boolean }[];
  forget: string[];
}

/** Paths are bytes, each ended by NUL. */
export type PollingReply =
  | { dirty: Uint8Array<ArrayBuffer> }
  | { gone: Uint8Array<ArrayBuffer>; problems: PollingProblem[]; directories: number };

interface PollingProblem {
  op: string;
  path: Uint8Array;
  error: Pick<SystemError, 'code' | 'message'>;
}

const BATCH_PATHS = 1000;
const NUL = Buffer.from([0]);

const { root } = workerData as { root: Uint8Array };
const trees = new Map<string, PolledTree>();

parentPort?.on('message', (request: PollingRequest) => {
  if (request === 'end') parentPort?.close();
  else lookAtAll(request);
});

function lookAtAll({ look, forget }: PollingLook): void {
  for (const top of forget) trees.delete(top);
  const gone: Buffer[] = [];
  const problems: PollingProblem[] = [];
  for (const { top, quiet } of look) lookAt(top, quiet, gone, problems);
  let directories = 0;
  for (const tree of trees.values()) directories += tree.directories;
  send({ gone: packed(gone), problems, directories });
}

function lookAt(top: string, quiet: boolean, gone: Buffer[], problems: PollingProblem[]): void {
  const tree = trees.get(top) ?? polledTree(Buffer.from(root), Buffer.from(top, 'latin1'));
  trees.set(top, tree);
  let dirty: Buffer[] = [];
  const sendDirty = () => {
    if (dirty.length > 0) send({ dirty: packed(dirty) });
    dirty = [];
  };
  tree.look({
    onDirty(path) {
      if (quiet) return;
      dirty.push(path);
      if (dirty.length >= BATCH_PATHS) sendDirty();
    },
    onGone: (path) => gone.push(path),
    onProblem: (op, path, { code, message }) => problems.push({ op, path, error: { code, message } }),
  });
  sendDirty();
}

function packed(paths: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(paths.flatMap((path) => [path, NUL])));
}

function send(reply: PollingReply): void {
  parentPort?.postMessage(reply, ['dirty' in reply ? reply.dirty.buffer : reply.gone.buffer]);
}
