/**
 * The live page of `npm start`: one document that asks for nothing from elsewhere. It is whole without its script; the
 * script only keeps it new and makes the buttons work.
 */
import { createHash } from 'node:crypto';
import { escaped } from '#core/html.ts';
import type { Button } from './actions.ts';
import { SCRIPT } from './script.ts';
import type { Parts } from './sections.ts';
import { STYLE } from './style.ts';
import { clockText } from './text.ts';

/** Nothing but this style and this script runs; a file name that got through as markup could still do nothing. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "connect-src 'self'",
  'img-src data:',
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface PageContent {
  parts: Parts;
  buttons: Readonly<Record<string, Button>>;
  token: string;
  atMs: number;
}

export function livePage({ parts, buttons, token, atMs }: PageContent): string {
  const part = (name: string, attributes = '') =>
    `<div id="part-${name}"${attributes}>${parts[name] ?? ''}</div>`;
  const wide = (name: string, label: string) =>
    `<div class="wide" role="region" aria-label="${label}" tabindex="0">${part(name)}</div>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="sluice-token" content="${escaped(token)}">
<link rel="icon" href="data:,">
<title>Sluice on this machine</title><style>${STYLE}</style></head>
<body><a class="skip" href="#main">Skip to the content</a>
<header><h1>Sluice on this machine</h1></header>
<main id="main" tabindex="-1">
<p id="connection" role="alert"></p>
${part('verdict', ' role="status"')}
${part('detail')}
<p class="soft"><span id="as-of">As of ${clockText(atMs)}.</span> It keeps itself new.</p>
<section aria-labelledby="play"><h2 id="play">Try it</h2>
<div class="buttons">${Object.entries(buttons).map(buttonOf).join('\n')}</div>
<p id="said" role="status"></p></section>
<section aria-labelledby="numbers"><h2 id="numbers">Now</h2>${part('tiles')}</section>
<section aria-labelledby="last-files"><h2 id="last-files">The way of the last files</h2>
<p id="part-news" role="status" class="soft">${parts.news ?? ''}</p>
${wide('ways', 'The way of the last files')}</section>
<section aria-labelledby="parts"><h2 id="parts">The parts</h2>
<h3>Agent</h3>${wide('agent', 'Agent')}
<h3>Destinations</h3>${wide('destinations', 'Destinations')}
<h3>File manager and CDN</h3>${wide('services', 'File manager and CDN')}
<h3>Queues</h3>${wide('queues', 'Queues')}</section>
<section aria-labelledby="plots"><h2 id="plots">The last ten minutes</h2>${part('plots')}</section>
<section aria-labelledby="errors"><h2 id="errors">Warnings and errors</h2>${wide('errors', 'Warnings and errors')}</section>
<section aria-labelledby="places"><h2 id="places">Where things are</h2>${part('places')}</section>
</main>
<script type="module">${SCRIPT}</script>
</body></html>
`;
}

function buttonOf([id, { action, label }]: [string, Button]): string {
  return `<button type="button" id="${escaped(id)}" data-action="${escaped(action)}">${escaped(label)}</button>`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
