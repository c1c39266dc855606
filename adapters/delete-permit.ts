/** Whether a destination's guard lets deletes through; its window and what it held are kept in controls. */
import {
  CONTROL,
  changeControl,
  guardWindow,
  heldDeletes,
  NONE_HELD,
  readControl,
  reconcileState,
} from '#core/controls.ts';
import { type GuardSettings, type GuardWindow, guardDeletes } from '#core/delete-guard.ts';
import type { Controls } from '#core/ports.ts';

type DeletePermit = { allowed: true } | { allowed: false; reason: string };

export interface DeleteGuard {
  /**
   * All of these deletes, or none of them. What is allowed counts from then on, whether or not it is carried out.
   *
   * @param known objects at the destination; absent: as many as the last reconcile run saw, and before the first one
   *   only the count of the settings limits
   */
  ask(pending: number, known?: number): Promise<DeletePermit>;
  /** As `ask`, and nothing counts. */
  wouldAllow(pending: number, known: number): Promise<DeletePermit>;
  /** Notes that one delete that an event asked for was held. */
  hold(reason: string): Promise<void>;
}

export function createDeleteGuard(
  controls: Controls,
  destination: string,
  settings: GuardSettings,
  nowMs: () => number,
): DeleteGuard {
  let turn: Promise<unknown> = Promise.resolve();

  /** One after the other: side by side they would only make each other read again. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work, work);
    turn = result;
    return result;
  }

  async function knownObjects(): Promise<number> {
    const state = await readControl(controls, CONTROL.reconcile(destination), reconcileState);
    return state.value?.known ?? Number.MAX_SAFE_INTEGER;
  }

  async function ask(pending: number, known: number | undefined): Promise<DeletePermit> {
    const objects = known ?? (await knownObjects());
    const name = CONTROL.guard(destination);
    return changeControl<GuardWindow, DeletePermit>(controls, name, guardWindow, (window) => {
      const decision = guardDeletes(settings, atMost(window, objects), {
        pending,
        known: objects,
        nowMs: nowMs(),
      });
      return decision.allowed ? { write: decision.window, answer: { allowed: true } } : { answer: decision };
    });
  }

  return {
    ask: (pending, known) => inTurn(() => ask(pending, known)),
    async wouldAllow(pending, known) {
      const { value } = await readControl(controls, CONTROL.guard(destination), guardWindow);
      const decision = guardDeletes(settings, atMost(value, known), { pending, known, nowMs: nowMs() });
      return decision.allowed ? { allowed: true } : decision;
    },
    hold: (reason) =>
      inTurn(() =>
        changeControl(controls, CONTROL.held(destination), heldDeletes, (held = NONE_HELD) => {
          const sinceMs = held.count === 0 ? nowMs() : held.sinceMs;
          const [count, everHeld] = [held.count + 1, held.everHeld + 1];
          return { write: { ...held, count, everHeld, sinceMs, reason }, answer: undefined };
        }),
      ),
  };
}

/** A window that events opened before anybody had counted must not keep the share from counting for its whole hour. */
function atMost(window: GuardWindow | undefined, objects: number): GuardWindow | undefined {
  return window && { ...window, known: Math.min(window.known, objects + window.deleted) };
}
