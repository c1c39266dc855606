/** A few rounds of the campaigns, so that the harness does not rot; the counts that prove something are run by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { indexDamage } from '../torture/campaigns/index-damage.ts';
import { killRandom } from '../torture/campaigns/kill-random.ts';
import { wire } from '../torture/campaigns/wire.ts';
import { hubAt } from '../torture/hub.ts';
import { runCampaign } from '../torture/run-campaign.ts';

const AGENT_MAIN = join(import.meta.dirname, '../../edge-agent/main.ts');

it.each([
  { campaign: killRandom, rounds: 3 },
  { campaign: wire, rounds: 2 },
  { campaign: indexDamage, rounds: 1 },
])(
  'loses nothing in $rounds rounds of $campaign.name',
  { timeout: 180_000 },
  async ({ campaign, rounds }) => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-torture-'));
    const credentials = inject('storeCredentials') ?? { accessKeyId: 'test', secretAccessKey: 'test' };
    const hub = hubAt(inject('endpoint'), credentials);
    const stopping = new AbortController();
    onTestFinished(async () => {
      stopping.abort();
      await hub.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const verdict = await runCampaign(campaign, {
      seed: 7,
      rounds,
      directory,
      hub,
      agent: () => Promise.resolve([process.execPath, AGENT_MAIN]),
      stopping: stopping.signal,
    });
    expect(verdict).toMatchObject({ failed: '', findings: [] });
    expect(verdict.fired).toBeGreaterThan(0);
  },
);
