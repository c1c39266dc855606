/**
 * The read leases that uploads hold. The kernel says with one signal for all of them that some writer waits; each is
 * looked at, and a broken one is given back at once, because the writer must not wait for an upload.
 */
import { leaseBroken, onLeaseBreak, releaseLease, takeReadLease } from '#adapters/host/lease.ts';

interface HeldLease {
  /** A writer came: what was read since may be torn. */
  readonly broken: boolean;
  /** Before the descriptor is closed, and with it the lease given back: to give it back first would cost a call more. */
  release(): void;
}

export interface Leases {
  /** `busy`: somebody has the file open for writing. `unsupported`: this filesystem or owner has no leases. */
  take(fd: number): HeldLease | 'busy' | 'unsupported';
  close(): void;
}

export function createLeases(): Leases {
  const held = new Map<number, { broken: boolean }>();
  const unsubscribe = onLeaseBreak(() => {
    for (const [fd, lease] of held) {
      if (!leaseBroken(fd)) continue;
      lease.broken = true;
      held.delete(fd);
      releaseLease(fd);
    }
  });

  return {
    take(fd) {
      const taken = takeReadLease(fd);
      if (taken !== 'held') return taken;
      const lease = { broken: false };
      held.set(fd, lease);
      return {
        get broken() {
          return lease.broken || leaseBroken(fd);
        },
        release: () => void held.delete(fd),
      };
    },
    close: unsubscribe,
  };
}
