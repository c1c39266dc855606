/** Where a person finds what runs. An agent that is started again has another page: so this part is kept new as well. */
import { join } from 'node:path';
import { escaped } from '#core/html.ts';
import type { LocalSystem } from '../system.ts';

export type Places = Pick<LocalSystem, 'endpoint' | 'hub' | 'folder'> & {
  fileManager: string;
  /** `undefined` while no agent runs. */
  agentPage: string | undefined;
};

export function placesText({ endpoint, hub, folder, fileManager, agentPage }: Places): string {
  const link = (url: string) => `<a href="${escaped(url)}">${escaped(url)}</a>`;
  const rows: [string, string][] = [
    ['Files to the hub', `drop them in <code>${escaped(join(folder, 'output'))}</code>`],
    ['Files from the hub', `<code>curl -T FILE ${escaped(`${endpoint}/${hub}/input/NAME`)}</code>`],
    ['They come to', `<code>${escaped(join(folder, 'input'))}</code>`],
    [
      'For any S3 client',
      `<code>${escaped(endpoint)}</code>, access key and secret key are <code>test</code>`,
    ],
    ['File manager', link(fileManager)],
    ['Agent', agentPage === undefined ? 'does not run' : link(agentPage)],
  ];
  return `<dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join('')}</dl>`;
}
