/**
 * Puts the simulated kernel under the agent: in this thread, whatever of edge-agent/ and adapters/host/ is loaded from now
 * on gets it in the place of Node's file system and of the few modules that go past Node, and a process of a simulated host
 * sees the virtual clock. Whoever is no such process sees the real world.
 */
import * as fs from 'node:fs';
import { registerHooks } from 'node:module';
import type { Simulation } from '../simulation.ts';
import { files } from './files.ts';
import { beneath, hashThreads, libc } from './kernel.ts';
import { Killed, later, running } from './process.ts';
import { scanning } from './scan.ts';
import { watching } from './watcher.ts';

const SCHEME = 'simulated:';
const REGISTRY = Symbol.for('sluice.simulated');
const sleeping = {
  setTimeout: (delayMs: number) => new Promise<void>((resolve) => void setTimeout(resolve, delayMs)),
  setImmediate: () => new Promise<void>((resolve) => void setImmediate(resolve)),
};
/** By the end of their URL. Node's own file system has names that nobody here uses, which are not there then. */
const STAND_INS: Record<string, object> = {
  'node:fs': { ...Object.fromEntries(Object.keys(fs).map((name) => [name, missing(name)])), ...files },
  'node:timers/promises': sleeping,
  // Leases are taken on the main thread of a process: a simulated one has no other.
  'node:worker_threads': { isMainThread: true },
  '/adapters/host/libc.ts': libc,
  '/adapters/host/open-beneath.ts': beneath,
  '/adapters/host/hash-threads.ts': hashThreads,
  '/adapters/host/scan.ts': scanning,
  '/adapters/host/watcher.ts': watching,
};
const OF_AGENT = /\/(?:edge-agent|adapters\/host)\/[^/]+\.ts$/;

let installed = false;
/** A thread has one at a time. */
let judging: Simulation | undefined;

/** @param sim hears of what an agent has not caught */
export function installKernel(sim: Simulation): void {
  judging = sim;
  if (installed) return;
  installed = true;
  Object.assign(globalThis, { [REGISTRY]: STAND_INS });
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const name = Object.keys(STAND_INS).find((end) => found.url.endsWith(end));
      if (name === undefined || !OF_AGENT.test(context.parentURL ?? '')) return found;
      return { url: SCHEME + name, format: 'module', shortCircuit: true };
    },
    load(url, context, next) {
      if (!url.startsWith(SCHEME)) return next(url, context);
      const name = url.slice(SCHEME.length);
      const names = Object.keys(STAND_INS[name] ?? {}).filter((one) => one !== 'default');
      const source = `export const { ${names.join(', ')} } = globalThis[Symbol.for('sluice.simulated')]['${name}'];`;
      return { format: 'module', source, shortCircuit: true };
    },
  });
  bendTime();
  // What a dead process had begun fails, and nobody is left to hear of it. For any other, Node ends a program.
  process.on('unhandledRejection', (error) => {
    if (error instanceof Killed) return;
    judging?.violate('bug', `an agent rejects where nobody catches: ${String(error)}`);
  });
}

function missing(name: string): () => never {
  return () => {
    throw new Error(`the simulated kernel has no ${name}`);
  };
}

function bendTime(): void {
  const real = { setTimeout, setImmediate, clearTimeout, clearImmediate, random: Math.random, now: Date.now };
  const realPerformance = performance.now.bind(performance);
  const timer = (delayMs: number, action: () => void) => {
    const process = running.getStore();
    if (process === undefined) throw new Error('there is no process that waits');
    const { cancel } = later(process, delayMs, action);
    const handle = { cancel, unref: () => handle, ref: () => handle };
    return handle;
  };
  const isTimer = (handle: unknown): handle is { cancel(): void } =>
    typeof handle === 'object' && handle !== null && 'cancel' in handle;
  const clear = (handle: unknown) => {
    if (isTimer(handle)) handle.cancel();
    else real.clearTimeout(handle as NodeJS.Timeout);
  };
  Object.assign(globalThis, {
    setTimeout: (action: () => void, delayMs: number, ...args: []) =>
      running.getStore() === undefined ? real.setTimeout(action, delayMs, ...args) : timer(delayMs, action),
    setImmediate: (action: () => void) =>
      running.getStore() === undefined ? real.setImmediate(action) : timer(0, action),
    clearTimeout: clear,
    clearImmediate: (handle: unknown) =>
      isTimer(handle) ? handle.cancel() : real.clearImmediate(handle as NodeJS.Immediate),
  });
  Date.now = () => running.getStore()?.machine.nowMs() ?? real.now();
  performance.now = () => running.getStore()?.machine.sim.scheduler.nowMs ?? realPerformance();
  Math.random = () => {
    const process = running.getStore();
    return process === undefined ? real.random() : process.machine.sim.choices.below(1000) / 1000;
  };
}
