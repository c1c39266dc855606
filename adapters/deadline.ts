/** A time by which something must have happened, told by a signal. */

interface Deadline {
  readonly signal: AbortSignal;
  /** Counts from now again. */
  restart(): void;
  stop(): void;
}

/** Aborts with a `TimeoutError` unless stopped in time. */
export function startDeadline(timeoutMs: number): Deadline {
  const controller = new AbortController();
  const expire = () => {
    const seconds = Math.round(timeoutMs / 100) / 10;
    controller.abort(new DOMException(`no answer within ${seconds} s`, 'TimeoutError'));
  };
  let timer = setTimeout(expire, timeoutMs);
  return {
    signal: controller.signal,
    restart: () => {
      clearTimeout(timer);
      timer = setTimeout(expire, timeoutMs);
    },
    stop: () => clearTimeout(timer),
  };
}
