/** Bodies that end early, or come with a wrong byte, now and then. */
import { SyncError } from '#core/errors.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { Simulation } from './simulation.ts';

export function withFaultyBodies(sim: Simulation, store: ObjectStore): ObjectStore {
  return {
    ...store,
    async get(key, options) {
      const answer = await store.get(key, options);
      if (sim.faults.hits('cut body')) return { ...answer, body: cut(answer.body, key) };
      // Only a whole body can be told from its checksum: parts rely on TLS.
      const whole = options?.range === undefined && answer.head.md5 !== undefined;
      if (whole && answer.head.sizeBytes > 0 && sim.faults.hits('damaged body'))
        return { ...answer, body: damaged(answer.body) };
      return answer;
    },
  };
}

async function* cut(body: AsyncIterable<Uint8Array>, key: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk.subarray(0, chunk.length >> 1);
    break;
  }
  throw new SyncError(`get ${key}: the body ended early`, {
    op: 'get',
    key,
    retryable: true,
    code: 'Truncated',
  });
}

async function* damaged(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    const copy = Uint8Array.from(chunk);
    copy[0] = (copy[0] ?? 0) ^ 1;
    yield copy;
  }
}
