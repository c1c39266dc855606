/** A hub, a destination and the queue between them, with reconcile and mirror at their ends. */
import { type ReconcileAnswer, type ReconcilePorts, reconcile } from '#adapters/reconcile.ts';
import { CONTROL, heldDeletes, type ReconcileResult, readControl } from '#core/controls.ts';
import { type ObjectKey, objectKey } from '#core/key.ts';
import { parseReconcile, reconcileText } from '#core/reconcile-message.ts';
import { mirrorWorld, type WorldFields } from './mirror-world.ts';
import { createMemoryStore } from './store-memory.ts';

export function reconcileWorld(fields: WorldFields = {}) {
  const world = mirrorWorld(objectKey('k'), fields);
  const { hub, destination, ledger, controls, guard, sent, settings, ports: mirrorPorts } = world;
  const reports = createMemoryStore({ bucket: 'reports' });
  /** Messages to itself, as they are in the queue. */
  const queue: string[] = [];
  const time = { remainingMs: () => 900_000 };
  const ports: ReconcilePorts = {
    hub,
    destination,
    ledger,
    reports,
    controls,
    guard,
    looks: mirrorPorts.looks,
    next: async (message) => void queue.push(reconcileText(message)),
    nowMs: mirrorPorts.nowMs,
    remainingMs: () => time.remainingMs(),
  };
  let runs = 0;
  const receive = (text: string) =>
    reconcile(ports, settings, parseReconcile(text), `run-${String(++runs).padStart(4, '0')}`);

  /** Until the queue is empty; the last answer. */
  async function run(text = '{}'): Promise<ReconcileAnswer> {
    let answer = await receive(text);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) answer = await receive(next);
    return answer;
  }

  /** What the mirror makes of all that it is asked to look at. */
  async function drain(): Promise<void> {
    for (let look = sent.shift(); look !== undefined; look = sent.shift()) {
      await world.mirror({ look: true, approved: look.approvedBy !== undefined }, look.key);
    }
  }

  async function result(text = '{}'): Promise<ReconcileResult> {
    const answer = await run(text);
    if (answer.did !== 'ended') throw new Error(`the run did not end: ${JSON.stringify(answer)}`);
    return answer.result;
  }

  const put = async (...keys: string[]) => {
    for (const key of keys) await hub.put(objectKey(key), Buffer.from(key), { metadata: {} });
  };
  const held = async () => (await readControl(controls, CONTROL.held('one'), heldDeletes)).value;
  const keysOf = async (store: { list: typeof hub.list }): Promise<ObjectKey[]> =>
    (await Array.fromAsync(store.list(''))).map(({ key }) => key);
  return { ...world, ports, reports, queue, time, receive, run, result, drain, put, held, keysOf };
}
