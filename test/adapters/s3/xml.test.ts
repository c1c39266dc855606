import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { escapeXml, itemsAt, parseXml, textAt } from '#adapters/s3/xml.ts';

const page =
  '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
  '<Name>b</Name><Prefix></Prefix><StartAfter/><Contents><Key> a &amp; b </Key><ETag>&#34;e&quot;</ETag></Contents>\n' +
  '<Contents><Key>1e3</Key><Owner><ID>x</ID></Owner></Contents></ListBucketResult>\n';

describe('an answer in XML', () => {
  it('is read as text: entities once, spaces kept, numbers left alone', () => {
    const { ListBucketResult } = parseXml(page);
    const [first, second] = itemsAt(ListBucketResult, 'Contents');
    expect(textAt(first, 'Key')).toBe(' a & b ');
    expect(textAt(first, 'ETag')).toBe('"e"');
    expect(textAt(second, 'Key')).toBe('1e3');
    expect(textAt(second, 'Owner')).toBeUndefined();
    expect(['Prefix', 'StartAfter', 'Absent'].map((name) => textAt(ListBucketResult, name))).toEqual([
      '',
      '',
      undefined,
    ]);
  });

  it('is read once only: what an entity makes is no markup', () => {
    expect(parseXml('<R><K>&amp;lt;a&gt;&lt;/K&gt;&#x1F600;</K></R>')).toEqual({ R: { K: '&lt;a></K>😀' } });
  });

  it('that is cut off anywhere has no elements', () => {
    const whole = page.trimEnd();
    for (let length = 0; length < whole.length; length++)
      expect(parseXml(whole.slice(0, length))).toEqual({});
    expect(Object.keys(parseXml(whole))).toEqual(['ListBucketResult']);
  });

  it.each([
    ['two roots', '<A/><B/>'],
    ['text beside elements', '<A>x<B/></A>'],
    ['text around the root', 'x<A/>'],
    ['tags that cross', '<A><B></A></B>'],
    ['an entity of its own', '<A>&nope;</A>'],
    ['a character that there is not', '<A>&#1114112;</A>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY x "y">]><A>&x;</A>'],
    ['an attribute that holds a tag', '<A b="<c>">x</A>'],
    ['elements without end', '<A>'.repeat(100_000)],
    ['a page of a proxy', '<html><body><p>Bad Gateway<br></body></html>'],
    ['nothing', ''],
  ])('has no elements where it has %s', (_what, text) => {
    expect(parseXml(text)).toEqual({});
  });

  it('has names that are only names', () => {
    const { R } = parseXml(
      '<R><__proto__><polluted>x</polluted></__proto__><constructor>y</constructor></R>',
    );
    expect(textAt(R, 'constructor')).toBe('y');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('says what a general parser says of any listing', () => {
    const general = new XMLParser({
      parseTagValue: false,
      trimValues: false,
      ignoreDeclaration: true,
      htmlEntities: true,
      isArray: (name) => name === 'Contents',
    });
    // Control characters travel in keys only as percent-encoding.
    const text = fc.string({ unit: 'grapheme' }).filter((one) => !/[\p{Cc}\ufffe\uffff]/u.test(one));
    fc.assert(
      fc.property(fc.array(fc.record({ Key: text, ETag: text, Size: text }), { minLength: 1 }), (objects) => {
        const items = objects.map((one) => {
          const fields = Object.entries(one).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
          return `<Contents>${fields.join('')}</Contents>`;
        });
        const listing = `<L xmlns="u">${items.join('')}<More>false</More></L>`;
        expect(JSON.parse(JSON.stringify(parseXml(listing)))).toEqual(general.parse(listing));
        expect(itemsAt(parseXml(listing).L, 'Contents')).toEqual(objects);
      }),
    );
  });
});
