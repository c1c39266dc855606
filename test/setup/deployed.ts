/** One demo stack for all files of a project; for `e2e-iam` on an emulator that enforces every policy. */
import type { TestProject } from 'vitest/node';
import { type DeployedStack, deployDemo } from './demo-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    stack: DeployedStack;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stack, stop } = await deployDemo({ enforceIam: project.name === 'e2e-iam' });
  project.provide('stack', stack);
  return stop;
}
