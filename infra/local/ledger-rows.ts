/** Every row of the ledger's table, and what else is kept there, in no order. */
import { type DynamoDBDocumentClient, ScanCommand, type ScanCommandOutput } from '@aws-sdk/lib-dynamodb';
import type { Row } from './notice.ts';

export async function* ledgerRows(table: DynamoDBDocumentClient, TableName: string): AsyncGenerator<Row> {
  let start: Record<string, unknown> | undefined;
  do {
    const page: ScanCommandOutput = await table.send(
      new ScanCommand({ TableName, ExclusiveStartKey: start }),
    );
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}
