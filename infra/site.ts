/** What the parts of the stack share: the settings, the places that everything meets in, and what functions are told. */
import { createHash } from 'node:crypto';
import { Stack } from 'aws-cdk-lib';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import * as z from 'zod';
import { ENV } from '#core/names.ts';
import type { DeploymentSettings } from '#core/settings/deployment.ts';
import { hubPlace, placeText } from '#core/settings/store-place.ts';
import type { Hub } from './hub.ts';
import type { LedgerTable } from './ledger.ts';
import type { Places } from './permissions.ts';
import type { Reports } from './reports.ts';
import type { FunctionRuntime } from './sluice-function.ts';

export interface Site {
  settings: DeploymentSettings;
  hub: Hub;
  places: Places;
  runtime: FunctionRuntime;
  /** Of every function. */
  environment: Record<string, string>;
  /** Of the schedules: runs that could not be started, or failed to their last retry. */
  scheduleDeadLetters: Queue;
}

export function siteOf(
  settings: DeploymentSettings,
  hub: Hub,
  ledger: LedgerTable,
  reports: Reports,
  scheduleDeadLetters: Queue,
): Site {
  const { type, region, endpoint, credentials, addressing } = settings.hub;
  const elsewhere = endpoint !== undefined;
  return {
    settings,
    hub,
    scheduleDeadLetters,
    runtime: { logLevel: settings.logLevel, logDays: settings.logDays, tracing: settings.tracing },
    places: {
      ...(hub.bucket === undefined ? {} : { hubArn: hub.bucket.bucketArn }),
      hubSecret: elsewhere ? credentials : undefined,
      kmsKeyArn: settings.hub.kmsKey,
      reportsArn: reports.bucket.bucketArn,
      ledgerArn: ledger.table.tableArn,
    },
    environment: {
      [ENV.hubBucket]: hub.name,
      ...(elsewhere
        ? {
            [ENV.hubPlace]: JSON.stringify(
              z.encode(hubPlace, { bucket: hub.name, type, region, endpoint, credentials, addressing }),
            ),
          }
        : {}),
      [ENV.stack]: Stack.of(hub).stackName,
      [ENV.reportsBucket]: reports.bucket.bucketName,
      [ENV.ledgerTable]: ledger.table.tableName,
      [ENV.destinationPlaces]: JSON.stringify(
        Object.fromEntries(settings.destinations.map((one) => [one.name, digestOf(placeText(one))])),
      ),
    },
  };
}

/** An environment has room for 4 KB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
