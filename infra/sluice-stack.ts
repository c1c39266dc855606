/** A stack with nothing but Sluice in it: what `npm run deploy` makes of a sluice.yaml. */
import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import * as z from 'zod';
import { type DeploymentSettings, deploymentSettings } from '#core/settings/deployment.ts';
import { Sluice } from './sluice.ts';

export interface SluiceStackProps extends StackProps {
  settings: DeploymentSettings;
}

export class SluiceStack extends Stack {
  constructor(scope: Construct, id: string, { settings, ...props }: SluiceStackProps) {
    super(scope, id, { description: 'Sluice: object storage kept right', ...props });
    const { name: _, ...said } = z.encode(deploymentSettings, settings);
    // `Default` is left out of logical ids, so that everything keeps the id that it had without the construct:
    // https://docs.aws.amazon.com/cdk/v2/guide/identifiers.html
    new Sluice(this, 'Default', said);
  }
}
