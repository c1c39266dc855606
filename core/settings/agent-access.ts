/** `agents` of sluice.yaml: what each host may do in the hub. A folder of its agent.yaml is at such a prefix or below. */
import * as z from 'zod';
import { pascalCase } from '../names.ts';
import { keyPrefix, overlaps } from './key-prefix.ts';

const folderAccess = z.strictObject({
  prefix: keyPrefix
    .refine((prefix) => !/[*?$]/.test(prefix), {
      error: 'a prefix without *, ? and $: a policy would take them for wildcards and variables',
    })
    .describe('Of a folder of its agent.yaml, or above it.'),
  mode: z
    .enum(['move', 'mirror', 'append', 'receive'])
    .default('move')
    .describe('As in its agent.yaml: it decides what the policy allows.'),
  deletes: z
    .boolean()
    .default(true)
    .describe('`mirror`: whether the agent may delete what its folder no longer has.'),
});

export const agentAccess = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,29}$/, { error: 'a name: up to 30 lower-case letters, digits and hyphens' })
    .describe('`name` of its agent.yaml.'),
  folders: z.array(folderAccess).min(1, { error: 'at least one folder' }).describe('What it may touch.'),
  distribution: z
    .string()
    .regex(/^[A-Z0-9]+$/, { error: 'the id of a distribution such as E1EXAMPLE' })
    .optional()
    .describe('CloudFront distribution that the agent may invalidate paths of.'),
});

export type AgentAccess = z.output<typeof agentAccess>;
export type FolderAccess = AgentAccess['folders'][number];

export interface AccessProblem {
  /** Below `agents`. */
  path: (string | number)[];
  expected: string;
  found: unknown;
}

/**
 * What is wrong with the agents beside each other. Names must differ in the ids made of them. Prefixes must not
 * overlap, save that one agent may `move` to where another receives: any other pair would upload again what the other
 * has removed, or overwrite it.
 */
export function problemsOfAgents(agents: readonly AgentAccess[]): AccessProblem[] {
  const problems: AccessProblem[] = [];
  const seen: { agent: AgentAccess; folder: FolderAccess }[] = [];
  for (const [index, agent] of agents.entries()) {
    const twin = agents.slice(0, index).find(({ name }) => pascalCase(name) === pascalCase(agent.name));
    if (twin !== undefined) {
      const expected = `a name that stays different from ${twin.name} as ${pascalCase(twin.name)}`;
      problems.push({ path: [index, 'name'], expected, found: agent.name });
    }
    for (const [at, folder] of agent.folders.entries()) {
      for (const other of seen) {
        if (!overlaps(folder.prefix, other.folder.prefix)) continue;
        if (agent !== other.agent && handsOver(folder, other.folder)) continue;
        const whose = `${JSON.stringify(other.folder.prefix)} (${other.folder.mode}) of agent ${other.agent.name}`;
        const expected = `a prefix that does not overlap with ${whose}`;
        problems.push({ path: [index, 'folders', at, 'prefix'], expected, found: folder.prefix });
      }
      seen.push({ agent, folder });
    }
  }
  return problems;
}

function handsOver(one: FolderAccess, other: FolderAccess): boolean {
  return [one.mode, other.mode].sort().join() === 'move,receive';
}
