/** The agent of the local deployment, which may be ended hard, started again and replaced while all else goes on. */
import type { ProcessGroup } from './process-group.ts';

export interface SupervisedAgent {
  isRunning(): boolean;
  /** Of an agent that nobody asked to end. */
  ended: Promise<number | string>;
  /** Does nothing when it runs. */
  start(): Promise<void>;
  /** In order, and started again, also when it did not run. */
  restart(): Promise<void>;
  /** SIGKILL; does nothing when it does not run. */
  kill(): Promise<void>;
  /** In order, and for good. */
  stop(): Promise<void>;
}

/** What an agent is given to finish what is in flight. */
const GRACE_MS = 15_000;

/** Starts it, and throws what `startAgent` throws. One thing is done after the other, in the order asked for. */
export async function superviseAgent(startAgent: () => Promise<ProcessGroup>): Promise<SupervisedAgent> {
  const ended = Promise.withResolvers<number | string>();
  let running: ProcessGroup | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = last.then(work);
    // Whoever asked hears of a failure; the next in turn need not.
    last = Promise.allSettled([done]);
    return done;
  }

  async function begin(): Promise<void> {
    if (running !== undefined) return;
    const agent = await startAgent();
    running = agent;
    void agent.ended.then((how) => {
      if (running !== agent) return;
      running = undefined;
      ended.resolve(how);
    });
  }

  async function end(how: (agent: ProcessGroup) => Promise<void>): Promise<void> {
    const agent = running;
    running = undefined;
    if (agent !== undefined) await how(agent);
  }

  await begin();
  return {
    isRunning: () => running !== undefined,
    ended: ended.promise,
    start: () => inTurn(begin),
    restart: () =>
      inTurn(async () => {
        await end((agent) => agent.stop(GRACE_MS));
        await begin();
      }),
    kill: () => inTurn(() => end((agent) => agent.kill())),
    stop: () => inTurn(() => end((agent) => agent.stop(GRACE_MS))),
  };
}
