/** A session that looks at the whole folder again and again, where no events are to be had. */
import { closeSync, constants, openSync } from 'node:fs';
import { createPoller } from './polling.ts';
import type { Session, SessionEvents, WatchOptions } from './watch-session.ts';

/** Throws the system's error when the root cannot be read. Nothing already in the folder is reported. */
export function openPollingSession(root: Buffer, options: WatchOptions, events: SessionEvents): Session {
  closeSync(openSync(root, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW));
  const poller = createPoller(root, options.pollMs, {
    onDirty: events.onDirty,
    onGone: events.onGone,
    onProblem: events.onProblem,
    check: events.check,
    beforeRound() {},
    onSettled: () => events.onIdle(undefined),
    onFailed(error) {
      events.onProblem(error, Buffer.alloc(0));
      events.onIdle(error.message);
    },
  });
  poller.add(Buffer.alloc(0), true);
  return {
    kind: 'polling',
    get watchCount() {
      return poller.directories;
    },
    close: poller.close,
  };
}
