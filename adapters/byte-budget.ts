/** Bounds the bytes held in memory at once, however many copies run side by side. */

export interface ByteBudget {
  /** Runs the work once its bytes fit, in the order of asking. Work larger than the budget runs alone. */
  hold<Result>(bytes: number, work: () => Promise<Result>): Promise<Result>;
}

export function createByteBudget(limitBytes: number): ByteBudget {
  const waiting: { bytes: number; start: () => void }[] = [];
  let freeBytes = limitBytes;

  function admit(): void {
    for (let next = waiting[0]; next !== undefined && next.bytes <= freeBytes; next = waiting[0]) {
      waiting.shift();
      freeBytes -= next.bytes;
      next.start();
    }
  }

  return {
    async hold(bytes, work) {
      const share = Math.min(bytes, limitBytes);
      await new Promise<void>((start) => {
        waiting.push({ bytes: share, start });
        admit();
      });
      try {
        return await work();
      } finally {
        freeBytes += share;
        admit();
      }
    },
  };
}
