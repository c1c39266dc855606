/** What works off a queue: for each function its file, limits, environment and permissions. The stack connects them. */
import { Duration } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import * as z from 'zod';
import { ENV } from '#core/names.ts';
import { type Destination, destinationSchema } from '#core/settings/destination.ts';
import { type FileManagerSettings, fileManagerSchema, shareOfKeys } from '#core/settings/http-target.ts';
import type { FedFunctionProps } from './fed-function.ts';
import {
  deliverStatements,
  eventReplayStatements,
  mirrorStatements,
  reconcileStatements,
} from './permissions.ts';
import type { Site } from './site.ts';
import { invalidate, sendTo } from './statements.ts';
import type { WorkQueue } from './work-queue.ts';

/** Lambda's longest: one message may be a large copy, one run a large bucket. */
export const LONGEST = Duration.minutes(15);
const SHORT = Duration.minutes(1);

export function eventReplay(
  scope: Construct,
  { places, settings }: Site,
  deliveries: WorkQueue | undefined,
): FedFunctionProps {
  return {
    entry: 'event-replay',
    timeout: SHORT,
    events: true,
    batchSize: 100,
    window: Duration.millis(settings.replayWindow),
    maxConcurrency: 10,
    environment: () => deliveryQueue(deliveries),
    statements: () => [...eventReplayStatements(scope, places), ...askForDelivery(deliveries)],
  };
}

export function deliver(
  scope: Construct,
  { places }: Site,
  fileManager: FileManagerSettings,
): FedFunctionProps {
  return {
    entry: 'deliver',
    timeout: LONGEST,
    events: false,
    fifo: true,
    batchSize: 10,
    maxConcurrency: shareOfKeys(fileManager).instances,
    environment: (own) => ({
      [ENV.fileManager]: JSON.stringify(z.encode(fileManagerSchema, fileManager)),
      ...deliveryQueue(own),
    }),
    statements: (own) => [...deliverStatements(scope, places, fileManager.secret), ...askForDelivery(own)],
  };
}

export function mirror(scope: Construct, { places }: Site, destination: Destination): FedFunctionProps {
  return {
    entry: 'mirror',
    timeout: LONGEST,
    events: true,
    batchSize: 10,
    maxConcurrency: destination.concurrency,
    enabled: destination.enabled,
    environment: (own) => ({ ...toldOf(destination), [ENV.ownQueue]: own.queue.queueUrl }),
    statements: (own) => [...mirrorStatements(scope, places, destination), sendTo('Continue', own.queue)],
  };
}

/**
 * Hub against ledger, or hub against one destination.
 *
 * @param differences where the keys go that are not as they should be
 */
export function reconcile(
  scope: Construct,
  { places }: Site,
  differences: WorkQueue,
  destination: Destination | undefined,
  deliveries: WorkQueue | undefined,
): FedFunctionProps {
  const target = destination === undefined ? ENV.ledgerQueue : ENV.mirrorQueue;
  return {
    entry: 'reconcile',
    timeout: LONGEST,
    events: false,
    batchSize: 1,
    // The least that AWS takes. One run at a time is the function's own care.
    maxConcurrency: 2,
    environment: (own) => ({
      ...(destination === undefined ? {} : toldOf(destination)),
      ...deliveryQueue(deliveries),
      [ENV.ownQueue]: own.queue.queueUrl,
      [target]: differences.queue.queueUrl,
    }),
    statements: (own) => [
      ...reconcileStatements(scope, places, destination),
      sendTo('Continue', own.queue),
      sendTo('Differences', differences.queue),
      ...askForDelivery(deliveries),
    ],
  };
}

export function invalidation(
  scope: Construct,
  { distribution, window }: NonNullable<Site['settings']['cdn']>,
): FedFunctionProps {
  return {
    entry: 'invalidate',
    timeout: SHORT,
    events: true,
    batchSize: 1000,
    window: Duration.millis(window),
    maxConcurrency: 2,
    environment: () => ({ [ENV.distribution]: distribution }),
    statements: () => [invalidate(scope, distribution)],
  };
}

function toldOf(destination: Destination): Record<string, string> {
  return { [ENV.destination]: JSON.stringify(z.encode(destinationSchema, destination)) };
}

function deliveryQueue(work: WorkQueue | undefined): Record<string, string> {
  return work === undefined ? {} : { [ENV.deliveryQueue]: work.queue.queueUrl };
}

function askForDelivery(work: WorkQueue | undefined): PolicyStatement[] {
  return work === undefined ? [] : [sendTo('AskForDelivery', work.queue)];
}
