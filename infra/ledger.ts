/** The table of what is where. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { LEDGER_KEY } from '#core/names.ts';

export interface LedgerProps {
  removal: 'retain' | 'destroy';
}

export class LedgerTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, { removal }: LedgerProps) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      partitionKey: { name: LEDGER_KEY.partition, type: AttributeType.STRING },
      sortKey: { name: LEDGER_KEY.sort, type: AttributeType.STRING },
      timeToLiveAttribute: LEDGER_KEY.ttl,
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: removal === 'retain',
      removalPolicy: removal === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
  }
}
