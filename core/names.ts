/** Names that the stack and the functions share: environment variables, attributes, prefixes. Typed once, here. */

/** Environment of every function; infra sets them, functions/live.ts reads them. */
export const ENV = {
  hubBucket: 'SLUICE_HUB_BUCKET',
  /** JSON of a `StorePlace`, where the hub is a bucket of another store. */
  hubPlace: 'SLUICE_HUB_PLACE',
  reportsBucket: 'SLUICE_REPORTS_BUCKET',
  ledgerTable: 'SLUICE_LEDGER_TABLE',
  /** JSON of one `Destination` of sluice.yaml; the mirror function of that destination has it. */
  destination: 'SLUICE_DESTINATION',
  /** JSON: by the name of each destination what tells its place from others; records of copies are of a place. */
  destinationPlaces: 'SLUICE_DESTINATION_PLACES',
  /** JSON of the `retention` list of sluice.yaml. */
  retention: 'SLUICE_RETENTION',
  /** JSON of `fileManager` of sluice.yaml; absent where there is none. */
  fileManager: 'SLUICE_FILE_MANAGER',
  /** JSON of `report` of sluice.yaml. */
  report: 'SLUICE_REPORT',
  /** Id of the CloudFront distribution. */
  distribution: 'SLUICE_DISTRIBUTION',
  /** Name of the secret with the token of the ingest URL. */
  ingestToken: 'SLUICE_INGEST_TOKEN_SECRET',
  /** ARN of the topic of the hub's events. */
  topic: 'SLUICE_TOPIC',
  /** URLs of queues: what feeds the ledger, this function itself, the deliveries, this destination's mirror. */
  ledgerQueue: 'SLUICE_LEDGER_QUEUE',
  ownQueue: 'SLUICE_OWN_QUEUE',
  deliveryQueue: 'SLUICE_DELIVERY_QUEUE',
  mirrorQueue: 'SLUICE_MIRROR_QUEUE',
  /** Name of the stack: its outputs name every queue, for the report; metrics are its own. */
  stack: 'SLUICE_STACK',
  /** Comma-separated names of the agents of sluice.yaml, and how old their heartbeats may be in ms; absent: any age. */
  agentNames: 'SLUICE_AGENT_NAMES',
  missingHeartbeatMs: 'SLUICE_MISSING_HEARTBEAT_MS',
  /** IANA name, for times that people read. */
  timezone: 'SLUICE_TIMEZONE',
} as const;

/** DynamoDB attribute names of the ledger's key; the rest is the adapter's own. */
export const LEDGER_KEY = { partition: 'pk', sort: 'sk', ttl: 'expiresAtSec' } as const;
/** Attributes `m#<destination>` hold the mirror records, so that no write of the entry touches them. */
export const MIRROR_PREFIX = 'm#';
/** The attribute that holds the delivery record, for the same reason. */
export const DELIVERY_ATTRIBUTE = 'delivery';
/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-sharding.html */
export const LEDGER_SHARDS = 64;
/** Where the reports bucket keeps what. */
export const REPORT_PREFIX = {
  /** Full states, diffs between them, and the page. */
  state: 'state/',
  diff: 'diff/',
  html: 'html/',
  /** What each run found, and what the plots are made of. */
  runs: 'runs/',
  removals: 'removals/',
  /** Every change of the ledger, as event-replay wrote it. */
  journal: 'journal/',
  /** Plans of reconcile runs, and the deletes that wait for a person. */
  reconcile: 'reconcile/',
} as const;
/** Partition of the ledger's table for what is not of a key: guard windows, runs, holds. Shards are numbers. */
export const CONTROL_PARTITION = 'control';
/** Attributes of such an item: its state as JSON text, and the count of its writes. */
export const CONTROL_ITEM = { json: 'json', revision: 'revision' } as const;

export const METRIC_NAMESPACE = 'Sluice';
/** Of one stack: metrics of two in one account and region must not be each other's alarms. */
export function metricNamespace(stack: string): string {
  return `${METRIC_NAMESPACE}/${stack}`;
}
/** Dimensions: `service`, and `part` (destination, agent) where there is one. */
export type Metric =
  | 'EventsReplayed'
  | 'EventsFailed'
  | 'ObjectsMirrored'
  | 'MirroredBytes'
  | 'DeletesMirrored'
  | 'DeletesHeld'
  | 'CopiesContinued'
  /** From the change in the hub to its confirmation at the destination. */
  | 'MirrorLagMs'
  | 'Deliveries'
  | 'DeliveriesFailed'
  | 'BreakerOpen'
  | 'Invalidations'
  | 'InvalidatedPaths'
  | 'Ingested'
  | 'IngestRefused'
  | 'ObjectsRemoved'
  | 'Differences'
  | 'DriftedKeys'
  | 'ReportsFailed'
  | 'HeartbeatsMissing';

/** Keys below it are Sluice's own (owner objects, heartbeats): no event, rule or folder of a user concerns them. */
const RESERVED_PREFIX = '.sluice/';
/** Which agent has which prefix, and below `<agent>/` what that agent says of itself. */
export const RESERVED = { owners: `${RESERVED_PREFIX}owners/`, agents: `${RESERVED_PREFIX}agents/` } as const;
/** Names that begin with it are objects with which an agent tries out what a store can do; they live for seconds. */
export const PROBE_NAME = '.sluice-probe-';

/** Whether the key is one of Sluice's own: below `.sluice/`, or a probe in any "directory". */
export function isReserved(key: string): boolean {
  return key.startsWith(RESERVED_PREFIX) || key.slice(key.lastIndexOf('/') + 1).startsWith(PROBE_NAME);
}

/** A name of the settings as part of a CloudFormation id: `site-b` -> `SiteB`. Two names can have the same. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|-+)(.)/g, (_, letter: string) => letter.toUpperCase());
}
