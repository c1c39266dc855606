/** The alarms that docs/operations.md explains. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const RUNBOOK = join(import.meta.dirname, '../../docs/operations.md');

/** One pattern a name; what is in angle brackets or an ellipsis stands for a name of the deployment. */
export function alarmsOfRunbook(): RegExp[] {
  const [, section = ''] = readFileSync(RUNBOOK, 'utf8').split('\n## Alarms\n');
  const cells = section.split('\n## ')[0]?.match(/^\| `.*?\|/gm) ?? [];
  const names = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
  return names.map((name) => new RegExp(`^${name.replaceAll(/<\w+>|…/g, '[A-Z][A-Za-z]*')}$`));
}
