/** Every campaign, in the order in which they run. */
import type { Campaign } from './campaign.ts';
import { clockSteps } from './campaigns/clock-steps.ts';
import { emfile } from './campaigns/emfile.ts';
import { errno } from './campaigns/errno.ts';
import { diskFull, inodesFull } from './campaigns/full.ts';
import { histories } from './campaigns/histories.ts';
import { indexDamage } from './campaigns/index-damage.ts';
import { killRandom } from './campaigns/kill-random.ts';
import { killSyscall } from './campaigns/kill-syscall.ts';
import { memoryLimit } from './campaigns/memory-limit.ts';
import { network } from './campaigns/network.ts';
import { powerCut } from './campaigns/power-cut.ts';
import { powerCutIndex } from './campaigns/power-cut-index.ts';
import { powerCutUnflushed } from './campaigns/power-cut-unflushed.ts';
import { readOnly } from './campaigns/read-only.ts';
import { simulation } from './campaigns/simulation.ts';
import { suspend } from './campaigns/suspend.ts';
import { twoAgents } from './campaigns/two-agents.ts';
import { unmounted } from './campaigns/unmounted.ts';
import { queueOverflow, watchLimit } from './campaigns/watching.ts';
import { wire } from './campaigns/wire.ts';

export const CAMPAIGNS: readonly Campaign[] = [
  simulation,
  histories,
  killSyscall,
  killRandom,
  errno,
  powerCut,
  powerCutUnflushed,
  powerCutIndex,
  diskFull,
  inodesFull,
  emfile,
  readOnly,
  unmounted,
  watchLimit,
  queueOverflow,
  clockSteps,
  memoryLimit,
  wire,
  network,
  suspend,
  twoAgents,
  indexDamage,
];
