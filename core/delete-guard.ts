/** Whether deletes of a mirrored folder may be carried out, or look like a catastrophe and wait for a person. */

export interface GuardSettings {
  /** Of the files known when the window began. */
  share: number;
  count: number;
  /** Up to so many deletes the share does not count. */
  shareFrom: number;
  window: number;
}

/** Deletes carried out since `startedMs`; `known` files were in the folder then. */
export interface GuardWindow {
  startedMs: number;
  known: number;
  deleted: number;
}

export type GuardDecision = { allowed: true; window: GuardWindow } | { allowed: false; reason: string };

/**
 * All of the pending deletes, or none of them: half of a removed tree helps nobody.
 *
 * @param window of the earlier deletes, if there were any
 * @param pending deletes that wish to be carried out now; renames, whose content is elsewhere, do not count
 * @param known files in the folder, the pending ones included
 */
export function guardDeletes(
  settings: GuardSettings,
  window: GuardWindow | undefined,
  { pending, known, nowMs }: { pending: number; known: number; nowMs: number },
): GuardDecision {
  const current = stillOpen(window, settings, nowMs) ?? { startedMs: nowMs, known, deleted: 0 };
  const total = current.deleted + pending;
  const allowedShare = Math.floor(settings.share * current.known);
  if (pending > 0 && total > settings.count) {
    return { allowed: false, reason: `${total} deletes; the guard allows ${settings.count}` };
  }
  if (pending > 0 && total > settings.shareFrom && total > allowedShare) {
    return {
      allowed: false,
      reason: `${total} of ${current.known} files deleted; the guard allows ${allowedShare}`,
    };
  }
  return { allowed: true, window: { ...current, deleted: total } };
}

function stillOpen(
  window: GuardWindow | undefined,
  settings: GuardSettings,
  nowMs: number,
): GuardWindow | undefined {
  return window !== undefined && nowMs - window.startedMs < settings.window ? window : undefined;
}
