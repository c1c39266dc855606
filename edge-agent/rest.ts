/** Notices when the work has ended for now, so that what it took can be given back. */

/** Files that come one after another are one piece of work. */
const QUIET_MS = 10_000;
/** What is given back is soon used again where files trickle in all day. */
const NOT_AGAIN_MS = 600_000;

/** Call what it answers now and then; `onRest` is called when nothing has been done for a while, the start included. */
export function createRest(onRest: () => void, nowMs: () => number = () => performance.now()) {
  let workedMs = nowMs();
  let restedMs = Number.NEGATIVE_INFINITY;
  let tired = true;

  return (busy: boolean): void => {
    const now = nowMs();
    if (busy) {
      workedMs = now;
      tired = true;
    } else if (tired && now - workedMs >= QUIET_MS && now - restedMs >= NOT_AGAIN_MS) {
      tired = false;
      restedMs = now;
      onRest();
    }
  };
}
