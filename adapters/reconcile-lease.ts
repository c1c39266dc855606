/** One reconcile run at a time: who is at it, until when, and what the last one found. Kept in a control. */
import {
  CONTROL,
  changeControl,
  type ReconcileResult,
  type ReconcileState,
  reconcileState,
} from '#core/controls.ts';
import type { Controls } from '#core/ports.ts';

export interface ReconcileLease {
  /** `'busy'`: a run goes on. One whose time is over, and that nobody goes on with, makes way. */
  start(runId: string, dryRun: boolean, forMs: number): Promise<'taken' | 'busy'>;
  /** `'stale'`: the message is of a run that ended, or was taken before. */
  goOn(runId: string, segment: number, forMs: number): Promise<'taken' | 'busy' | 'stale'>;
  /** The message of the next segment is sent: others wait for it that long. */
  handOn(runId: string, segment: number, forMs: number): Promise<void>;
  /** Whoever gets the message again may take it at once. */
  fail(runId: string, segment: number, result: ReconcileResult): Promise<void>;
  end(runId: string, result: ReconcileResult): Promise<void>;
}

type Running = NonNullable<ReconcileState['running']>;

export function reconcileLease(controls: Controls, name: string, nowMs: () => number): ReconcileLease {
  const control = CONTROL.reconcile(name);
  const change = <Answer>(
    decide: (state: ReconcileState) => { write?: ReconcileState; answer: Answer },
  ): Promise<Answer> => changeControl(controls, control, reconcileState, (state) => decide(state ?? {}));

  /** Changes what runs, if it is still this segment; the time until which it is taken is what tells two takers apart. */
  const update = (runId: string, segment: number, next: (running: Running) => ReconcileState) =>
    change<void>((state) => {
      const { running } = state;
      if (running?.runId !== runId || running.segment !== segment) return { answer: undefined };
      return { write: { ...state, ...next(running) }, answer: undefined };
    });

  return {
    start: (runId, dryRun, forMs) =>
      change<'taken' | 'busy'>((state) => {
        const { running } = state;
        // A write that was confirmed too late to be heard is seen as somebody else's.
        if (running !== undefined && running.runId !== runId && running.leaseUntilMs > nowMs()) {
          return { answer: 'busy' };
        }
        const startedMs = nowMs();
        const taken: Running = { runId, startedMs, segment: 1, leaseUntilMs: startedMs + forMs, dryRun };
        return { write: { ...state, running: taken }, answer: 'taken' };
      }),
    goOn(runId, segment, forMs) {
      let ours: number | undefined;
      return change<'taken' | 'busy' | 'stale'>((state) => {
        const { running } = state;
        if (running?.runId !== runId || running.segment > segment) return { answer: 'stale' };
        if (running.segment === segment && running.leaseUntilMs > nowMs()) {
          // As above: the answer to our own write was lost.
          return { answer: running.leaseUntilMs === ours ? 'taken' : 'busy' };
        }
        ours = nowMs() + forMs;
        return { write: { ...state, running: { ...running, segment, leaseUntilMs: ours } }, answer: 'taken' };
      });
    },
    handOn: (runId, segment, forMs) =>
      update(runId, segment, (running) => ({ running: { ...running, leaseUntilMs: nowMs() + forMs } })),
    fail: (runId, segment, result) =>
      update(runId, segment, (running) => ({ running: { ...running, leaseUntilMs: 0 }, last: result })),
    end: (runId, result) =>
      change<void>(({ running }) =>
        running?.runId === runId
          ? { write: { last: result, known: result.known }, answer: undefined }
          : { answer: undefined },
      ),
  };
}
