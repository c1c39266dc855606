import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { Sluice } from '../../infra/sluice.ts';

const ROOT = join(import.meta.dirname, '../..');

describe('Sluice as a construct', () => {
  it('is synthesised in the stack of the example, beside what that stack has itself', () => {
    const outdir = mkdtempSync(join(tmpdir(), 'sluice-example-'));
    try {
      execFileSync(process.execPath, [join(ROOT, 'examples/own-stack/app.ts')], {
        env: { ...process.env, CDK_OUTDIR: outdir },
        stdio: 'pipe',
      });
      const { Resources, Outputs } = JSON.parse(
        readFileSync(join(outdir, 'example-files.template.json'), 'utf8'),
      );
      expect(Object.keys(Outputs)).toEqual(
        expect.arrayContaining(['HubName', 'MirrorBackup', 'AgentEdge1PolicyArn', 'LedgerName']),
      );
      const subscriptions = Object.values<{
        Type: string;
        Properties: { Endpoint: unknown; Protocol: string };
      }>(Resources).filter(({ Type }) => Type === 'AWS::SNS::Subscription');
      expect(subscriptions.map(({ Properties }) => Properties.Protocol)).toContain('email');
      expect(JSON.stringify(subscriptions)).toContain('Thumbnails');
    } finally {
      rmSync(outdir, { recursive: true, force: true });
    }
  });

  it('names every setting that is wrong at once, with the path of the construct', () => {
    const stack = new Stack(new App(), 'own');
    const wrong = {
      replayWindow: '10m',
      reconcil: '1d',
      destinations: [{ name: 'Off site', bucket: 'b' }],
    };

    let said = '';
    try {
      new Sluice(stack, 'Files', wrong);
    } catch (error) {
      said = String(error);
    }

    expect(said).toContain('own/Files: replayWindow: found');
    expect(said).toContain('reconcile (did you mean that?)');
    expect(said).toContain('own/Files: destinations[0].name: found');
  });

  it('refuses a second one in the same stack, because ops finds a deployment by its stack', () => {
    const stack = new Stack(new App(), 'own');
    new Sluice(stack, 'Files');

    expect(() => new Sluice(stack, 'More')).toThrow('own: a stack has room for one Sluice');
  });
});
