/** Synthesises the stack as `cdk synth` does and answers its template, for assertions on what would be deployed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type DeploymentSettings, deploymentSettings } from '#core/settings/deployment.ts';
import { SluiceStack } from '../../infra/sluice-stack.ts';

interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of whatever shape CloudFormation wants.
  Properties: any;
  DependsOn?: string[];
  DeletionPolicy?: string;
}

export interface Template {
  resources: Record<string, Resource>;
  outputs: Record<string, unknown>;
  ofType(type: string): [id: string, resource: Resource][];
}

/** Throws, as synth does, when cdk-nag has findings. */
export function synthesise(settings: unknown, addTo: (stack: SluiceStack) => unknown = () => {}): Template {
  const parsed: DeploymentSettings = deploymentSettings.parse(settings);
  const outdir = mkdtempSync(join(tmpdir(), 'sluice-synth-'));
  try {
    const app = new App({ outdir });
    addTo(new SluiceStack(app, parsed.name, { settings: parsed }));
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const { template } = app.synth().getStackByName(parsed.name) as {
      template: { Resources: Record<string, Resource>; Outputs: Record<string, unknown> };
    };
    return {
      resources: template.Resources,
      outputs: template.Outputs,
      ofType: (type) => Object.entries(template.Resources).filter(([, { Type }]) => Type === type),
    };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** One statement of a policy, with single values as lists. */
export interface Statement {
  Effect: string;
  Action: string[];
  Resource: unknown[];
  Principal?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

// biome-ignore lint/suspicious/noExplicitAny: see Resource.
export function statementsOf(document: any): Statement[] {
  return document.Statement.map((statement: Record<string, unknown>) => ({
    ...statement,
    Action: [statement.Action].flat(),
    Resource: [statement.Resource].flat(),
  }));
}

/** Actions by resource, sorted. */
export function grantedBy(statements: readonly Statement[]): Record<string, string[]> {
  const granted: Record<string, string[]> = {};
  for (const { Effect, Action, Resource } of statements) {
    if (Effect !== 'Allow') throw new Error(`a role or policy of ours has a statement that says ${Effect}`);
    for (const resource of Resource.map(resourceText)) {
      granted[resource] = [...(granted[resource] ?? []), ...Action].toSorted();
    }
  }
  return granted;
}

/** A resource as text: `HubBucket.Arn/*`, with the hash of logical ids taken off. */
export function resourceText(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (name === 'Ref') return withoutHash(String(argument));
  if (name === 'Fn::GetAtt') {
    const [id = '', attribute] = argument as string[];
    return `${withoutHash(id)}.${attribute}`;
  }
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(resourceText).join('');
  return JSON.stringify(value);
}

function withoutHash(id: string): string {
  return id.replace(/[0-9A-F]{8}$/, '');
}
