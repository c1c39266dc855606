/** The page of the mock file manager: what it was told last, and what it keeps. */
import { escaped } from '#core/html.ts';
import type { KeptFile } from './file-keeper.ts';
import type { FileManagerCall } from './file-manager.ts';

const SHOWN = 200;
const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere}
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b00020}.again{opacity:.6}`;

/** HTML that renews itself every two seconds; newest call first. */
export function callsPage(calls: readonly FileManagerCall[], files: ReadonlyMap<string, KeptFile>): string {
  const rows = calls.slice(-SHOWN).reverse().map(rowOf).join('\n');
  const bytes = [...files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>File manager</title>
<style>${STYLE}</style>
<h1>File manager (mock)</h1>
<p>${files.size} files, ${bytes.toLocaleString('en')} bytes; ${calls.length} calls kept, the last ${SHOWN} shown.</p>
<table><thead><tr><th>Time (UTC)<th>Call<th>Key<th>Bytes<th>Permissions<th>Answer</thead><tbody>
${rows}
</tbody></table></html>
`;
}

function rowOf({ at, op, key, from, sizeBytes, permissions, repeated, status }: FileManagerCall): string {
  const kind = status >= 300 ? 'bad' : repeated ? 'again' : '';
  const name = from === undefined ? key : `${from} → ${key}`;
  const cells = [
    at.slice(11, 23),
    op,
    name,
    sizeBytes?.toLocaleString('en') ?? '',
    permissions === undefined ? '' : JSON.stringify(permissions),
    repeated ? `${status}, repeated` : String(status),
  ].map((cell, index) => `<td${index === 3 ? ' class="n"' : ''}>${escaped(cell)}`);
  return `<tr class="${kind}">${cells.join('')}`;
}
