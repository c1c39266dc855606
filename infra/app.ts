/** The CDK app: `cdk synth`, `diff`, `deploy` and `destroy` run it. One stack, described by one sluice.yaml. */
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readDeploymentSettings, takenByNpm } from './read-settings.ts';
import { SluiceStack } from './sluice-stack.ts';

/** Wrong settings, as for every Sluice command; the CDK CLI itself then ends with 1. */
const EXIT_SETTINGS = 2;

const app = new App();
const taken = takenByNpm(process.env);
const answer =
  taken !== undefined
    ? { message: taken }
    : readDeploymentSettings({
        context: app.node.tryGetContext('settings'),
        environment: process.env.SLUICE_SETTINGS,
        stage: app.node.tryGetContext('stage') ?? process.env.SLUICE_STAGE,
        cwd: process.cwd(),
      });
if ('message' in answer) {
  process.stderr.write(`${answer.message}\n`);
  process.exitCode = EXIT_SETTINGS;
} else {
  new SluiceStack(app, answer.settings.name, { settings: answer.settings });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
}
