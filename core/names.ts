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
