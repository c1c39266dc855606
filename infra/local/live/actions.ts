/** What a person can do to the local system from the page, so as to see what it makes of it. */

import { join } from 'node:path';
import { SyncError } from '#core/errors.ts';
import { dropFile } from '../drop-file.ts';
import type { LocalSystem } from '../system.ts';

export interface Button {
  /** What it does when it is pressed now: a key of the actions. */
  action: string;
  label: string;
}

export interface Actions {
  /** Does it and answers what it did, for people; `undefined`: there is no such action. */
  run(action: string): Promise<string> | undefined;
  /** By id, in their order; a button whose label changes keeps its id, and so the focus. */
  buttons(): Record<string, Button>;
}

const SAMPLES = 5;
/** Of the file manager; it has to be down, not to refuse one call. */
const UNAVAILABLE = 503;

type System = Pick<LocalSystem, 'agent' | 'gate' | 'fileManager' | 'folder' | 'watch' | 'settings'>;

interface ActionsShell {
  /** Enqueues what destinations lack. */
  reconcile(): Promise<void>;
  /** Hears of each thing done, beside whoever asked for it. */
  say(line: string): void;
  nowMs(): number;
}

export function createActions(system: System, { reconcile, say, nowMs }: ActionsShell): Actions {
  const { agent, gate, fileManager, folder, watch, settings } = system;
  const remote = settings.destinations
    .filter(({ endpoint }) => endpoint !== undefined)
    .map(({ name }) => name)
    .join(', ');
  const actions: Record<string, () => Promise<string>> = {
    async 'drop-files'() {
      const run = `sample-${new Date(nowMs()).toISOString().slice(5, 19).replaceAll(/[:-]/g, '')}`;
      for (let index = 1; index <= SAMPLES; index++) {
        await dropFile(join(folder, 'output', run, `file ${index}.txt`), `Sample ${index} of ${run}\n`);
      }
      return `${SAMPLES} files were dropped in output/${run}.`;
    },
    async 'kill-agent'() {
      await agent.kill();
      return 'The agent was ended hard, with SIGKILL.';
    },
    async 'start-agent'() {
      await agent.start();
      return 'The agent runs.';
    },
    async 'break-files'() {
      fileManager.fail({ status: UNAVAILABLE, times: Number.POSITIVE_INFINITY });
      return `The file manager answers every call with ${UNAVAILABLE} from now on.`;
    },
    async 'restore-files'() {
      fileManager.fail({ status: UNAVAILABLE, times: 0 });
      return 'The file manager works again. What waits is tried again by itself.';
    },
    async reconcile() {
      await reconcile();
      return 'Hub and destinations are compared; what differs is copied without waiting for its next try.';
    },
    async report() {
      await watch.report();
      return 'The state report has run. The terminal says where it is.';
    },
  };
  if (gate !== undefined && remote !== '') {
    actions['break-destination'] = async () => {
      gate.shut();
      return `Every connection to ${remote} is cut from now on.`;
    };
    actions['restore-destination'] = async () => {
      gate.open();
      return `${remote} can be reached again. What waits is tried again by itself; Reconcile now does it at once.`;
    };
  }

  function told(what: string): string {
    say(`page     ${what}`);
    return what;
  }

  return {
    run(action) {
      const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
      return act?.().catch(saidSo).then(told);
    },
    buttons: () => ({
      drop: { action: 'drop-files', label: `Drop ${SAMPLES} sample files` },
      ...(gate === undefined || remote === ''
        ? {}
        : {
            destination: gate.isOpen()
              ? { action: 'break-destination', label: `Break ${remote}` }
              : { action: 'restore-destination', label: `Restore ${remote}` },
          }),
      files:
        fileManager.failing() === 0
          ? { action: 'break-files', label: 'Break the file manager' }
          : { action: 'restore-files', label: 'Restore the file manager' },
      agent: agent.isRunning()
        ? { action: 'kill-agent', label: 'End the agent hard' }
        : { action: 'start-agent', label: 'Start the agent' },
      reconcile: { action: 'reconcile', label: 'Reconcile now' },
      report: { action: 'report', label: 'Write a state report' },
    }),
  };
}

/** A person pressed the button: the failure is the answer. */
function saidSo(error: unknown): string {
  if (error instanceof SyncError || (error instanceof Error && 'code' in error)) {
    return `It failed: ${error.message}`;
  }
  throw error;
}
