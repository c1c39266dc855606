/** One Lambda function: its bundle, its log group, and a role with exactly the statements that it is given. */
import { join } from 'node:path';
import { AssetHashType, DockerImage, type Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  Code,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundleFunction, NODE_OPTIONS } from './bundle.ts';
import { objectWildcards, TRACES_KNOWN } from './nag-reasons.ts';

const PROJECT_DIR = join(import.meta.dirname, '..');
const MEMORY_MB = 512;
/** Names and values together; https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const ENVIRONMENT_CHARACTERS = 4_096;

/** What all functions of a deployment have in common. */
export interface FunctionRuntime {
  logLevel: string;
  logDays: number;
  /** X-Ray traces. */
  tracing: boolean;
}

export interface SluiceFunctionProps {
  /** The file in functions/, without extension; it exports `handler`. */
  entry: string;
  timeout: Duration;
  memoryMb?: number;
  runtime: FunctionRuntime;
  environment: Record<string, string>;
  statements: PolicyStatement[];
}

export class SluiceFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(
    scope: Construct,
    id: string,
    { entry, timeout, memoryMb = MEMORY_MB, runtime, environment, statements }: SluiceFunctionProps,
  ) {
    super(scope, id);
    const logs = new LogGroup(this, 'Logs', {
      retention: runtime.logDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        exactly: new PolicyDocument({
          statements: [
            new PolicyStatement({
              sid: 'WriteLogs',
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [logs.logGroupArn],
            }),
            ...(runtime.tracing ? [traceStatement()] : []),
            ...statements,
          ],
        }),
      },
    });
    for (const known of objectWildcards(this.role, statements)) Validations.of(this.role).acknowledge(known);
    if (runtime.tracing) Validations.of(this.role).acknowledge(TRACES_KNOWN);
    const variables = {
      ...environment,
      NODE_OPTIONS,
      POWERTOOLS_SERVICE_NAME: entry,
      POWERTOOLS_LOG_LEVEL: runtime.logLevel,
    };
    this.node.addValidation({ validate: () => tooMuch(entry, variables) });
    this.function = new LambdaFunction(this, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: bundle(entry),
      role: this.role,
      logGroup: logs,
      memorySize: memoryMb,
      timeout,
      environment: variables,
    });
    // Not by the property: the construct would add a policy of its own beside what is written out here.
    if (runtime.tracing) {
      (this.function.node.defaultChild as CfnFunction).tracingConfig = { mode: 'Active' };
    }
  }
}

/** What AWS would refuse in the middle of a deployment. Names that it has yet to give count as they stand here, which is less. */
function tooMuch(entry: string, variables: Record<string, string>): string[] {
  const characters = Object.entries(variables).flat().join('').length;
  if (characters <= ENVIRONMENT_CHARACTERS) return [];
  const [largest = ''] = Object.keys(variables).toSorted(
    (one, other) => (variables[other]?.length ?? 0) - (variables[one]?.length ?? 0),
  );
  return [
    `${entry}: its settings have ${characters} characters, and a function's environment holds ${ENVIRONMENT_CHARACTERS}; most are in ${largest}: fewer or shorter entries are needed`,
  ];
}

/** https://docs.aws.amazon.com/xray/latest/devguide/security_iam_id-based-policy-examples.html: it knows no resources. */
function traceStatement(): PolicyStatement {
  return new PolicyStatement({
    sid: 'Trace',
    actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'],
    resources: ['*'],
  });
}

/** No Docker: the local bundler always answers. */
function bundle(entry: string): Code {
  return Code.fromAsset(join(PROJECT_DIR, 'functions'), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('scratch'),
      // Part of CDK's cache key, which the local bundler is not: without it every function gets the first's bundle.
      command: [entry],
      local: {
        tryBundle(outputDir) {
          bundleFunction(join('functions', `${entry}.ts`), outputDir);
          return true;
        },
      },
    },
  });
}
