import { expect, it } from 'vitest';
import { escaped, table } from '#core/html.ts';

it('lets nothing from outside become markup, in text or in quotes', () => {
  expect(escaped(`<b title="x" id='y'>&amp;`)).toBe('&#60;b title=&#34;x&#34; id=&#39;y&#39;&#62;&#38;amp;');
});

it('spells out what cannot be seen, so that no name looks like another', () => {
  expect(escaped('\u202egpj.exe\n\u200b\u2028')).toBe('\\u{202e}gpj.exe\\u{a}\\u{200b}\\u{2028}');
});

it('gives each cell of a table its headings, and a mark a sign beside its colour', () => {
  const html = table('<all>', ['name', '#files'], [['a&b', { text: '<2>', mark: 'bad' }]], 'none');
  expect(html).toBe(
    '<table><caption>&#60;all&#62;</caption>' +
      '<thead><tr><th scope="col">name</th><th scope="col" class="n">files</th></tr></thead>' +
      '<tbody><tr><th scope="row">a&#38;b</th>' +
      '<td class="n"><span class="bad"><span aria-hidden="true">✗ </span>&#60;2&#62;</span></td></tr></tbody></table>',
  );
});

it('says that there is nothing, in place of an empty table', () => {
  expect(table('all', ['name'], [], 'No <file>.')).toBe('<p class="soft">No &#60;file&#62;.</p>');
});
