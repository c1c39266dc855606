/** Lets an agent work without a fault until it says that all is done, and judges what has come of it. */
import type { Fault } from './campaign.ts';
import { fault, judgeConverged } from './judge.ts';
import type { Scene, StartOptions } from './scene.ts';

const WITHIN_MS = 60_000;
/** What a pass leaves behind, because it has changed under it, the next one finds. */
const PASSES = 3;

export async function heal(scene: Scene, options: StartOptions = {}): Promise<Fault[]> {
  let said = '';
  for (let pass = 1; pass <= PASSES; pass++) {
    const agent = scene.start('once', options);
    const timer = setTimeout(() => void agent.kill(), WITHIN_MS);
    const code = await agent.exit;
    clearTimeout(timer);
    said = `${code}: ${lastLine(agent.output())}`;
    if (code === 0) break;
  }
  const faults = await judgeConverged(scene);
  if (faults.length > 0) return faults.map((one) => ({ ...one, what: `${one.what} [${said}]` }));
  // The tree is as it should be, but the agent says otherwise.
  return said.startsWith('0:') ? [] : [fault('notConverged', `a pass without a fault ends with ${said}`)];
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .findLast((line) => /WARN|ERROR|^sluice-agent:/.test(line)) ?? ''
  );
}
