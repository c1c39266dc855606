/** What the state report reads, and to whom it sends. */
import { createReportSender } from '#adapters/report-http.ts';
import { secretSigningKey } from '#adapters/secret.ts';
import { queueDepth } from '#adapters/sqs-depth.ts';
import { stackQueues } from '#adapters/stack-outputs.ts';
import { reportSchema } from '#core/settings/http-target.ts';
import { isSet, millisecondsOf, namesOf, requiredText, settingOf } from './environment.ts';
import {
  credentials,
  env,
  liveControls,
  liveDestinationNames,
  liveHub,
  liveLedger,
  liveReports,
  once,
  region,
} from './live.ts';

/** Every queue of the stack with its dead-letter queue, asked anew each time. */
const liveQueues = () => stackQueues(requiredText(env, 'stack'));

export const liveStateReport = once(() => {
  const report = settingOf(env, 'report', reportSchema);
  return {
    ports: {
      ledger: liveLedger(),
      reports: liveReports(),
      hub: liveHub(),
      controls: liveControls(),
      queues: liveQueues,
      depth: (url: string) => queueDepth(url, region, credentials()),
      senders: report.endpoints.map((one) =>
        createReportSender(one, one.secret === undefined ? undefined : secretSigningKey(one.secret)),
      ),
      destinations: liveDestinationNames(),
      names: namesOf(env, 'agentNames'),
      missingAfterMs: millisecondsOf(env, 'missingHeartbeatMs'),
      nowMs: Date.now,
    },
    run: {
      stack: requiredText(env, 'stack'),
      timezone: isSet(env, 'timezone') ? requiredText(env, 'timezone') : 'UTC',
      fullEveryMs: report.full,
    },
  };
});
