/** Names that the stack and the functions share: environment variables, attributes, prefixes. Typed once, here. */

/** Environment of every function; infra sets them, functions/live.ts reads them. */
export const ENV = {
  hubBucket: 'SLUICE_HUB_BUCKET',
  reportsBucket: 'SLUICE_REPORTS_BUCKET',
  ledgerTable: 'SLUICE_LEDGER_TABLE',
  /** JSON of one `Destination` of sluice.yaml; the mirror function of that destination has it. */
  destination: 'SLUICE_DESTINATION',
  /** Comma-separated names of all destinations. */
  destinationNames: 'SLUICE_DESTINATION_NAMES',
  /** JSON of the `retention` list of sluice.yaml. */
  retention: 'SLUICE_RETENTION',
} as const;

/** DynamoDB attribute names of the ledger's key; the rest is the adapter's own. */
export const LEDGER_KEY = { partition: 'pk', sort: 'sk', ttl: 'expiresAtSec' } as const;
/** Attributes `m#<destination>` hold the mirror records, so that no write of the entry touches them. */
export const MIRROR_PREFIX = 'm#';
/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-sharding.html */
export const LEDGER_SHARDS = 64;
/** Where the reports bucket keeps what. */
export const REPORT_PREFIX = { state: 'state/', removals: 'removals/' } as const;

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
