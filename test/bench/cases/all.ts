/** In the order in which they run. */
import type { Case } from '../runner.ts';
import { betweenCases } from './between.ts';
import { burstCase } from './burst.ts';
import { idleCase } from './idle.ts';
import { lambdaCase } from './lambda.ts';
import { latencyCase } from './latency.ts';
import { backlogCase } from './million.ts';
import { receiveCase } from './receive.ts';
import { reconcileCase } from './reconcile.ts';
import { rerunCase } from './rerun.ts';
import { rescanCase } from './rescan.ts';
import { uploadCases } from './upload.ts';

export const CASES: readonly Case[] = [
  ...uploadCases,
  latencyCase,
  burstCase,
  idleCase,
  receiveCase,
  ...betweenCases,
  backlogCase,
  rescanCase,
  rerunCase,
  reconcileCase,
  lambdaCase,
];
