/** Tags of objects: key-value pairs beside the metadata, which change without the object. */
import { createHash } from 'node:crypto';
import { SyncError } from '#core/errors.ts';
import type { ObjectStore } from '#core/ports.ts';
import type { Wire } from './wire.ts';
import { escapeXml, itemsAt, parseXml, textAt } from './xml.ts';

type Tags = Readonly<Record<string, string>>;

export function taggingMethods(wire: Wire): Pick<ObjectStore, 'tags' | 'setTags'> {
  return {
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html */
    async tags(key) {
      const op = 'GetObjectTagging';
      const response = await wire.send({ op, method: 'GET', key, query: { tagging: '' } });
      const { Tagging } = parseXml(await response.body.text());
      // An answer that is something else would be taken for an object without tags, and empty those of its copies.
      if (Tagging === undefined) throw unreadable(op, key, wire.bucket);
      const set =
        typeof Tagging === 'object' && Tagging !== null && 'TagSet' in Tagging ? Tagging.TagSet : '';
      return Object.fromEntries(
        itemsAt(set, 'Tag').map((tag) => {
          const name = textAt(tag, 'Key');
          if (name === undefined) throw unreadable(op, key, wire.bucket);
          return [name, textAt(tag, 'Value') ?? ''];
        }),
      );
    },
    /** https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html */
    async setTags(key, tags) {
      const body = new TextEncoder().encode(tagging(tags));
      const md5 = createHash('md5').update(body).digest('base64');
      const headers = { 'content-type': 'application/xml', 'content-md5': md5 };
      const query = { tagging: '' };
      const response = await wire.send({ op: 'PutObjectTagging', method: 'PUT', key, query, headers, body });
      await response.body.dump();
    },
  };
}

function tagging(tags: Tags): string {
  const items = Object.entries(tags).map(
    ([name, value]) => `<Tag><Key>${escapeXml(name)}</Key><Value>${escapeXml(value)}</Value></Tag>`,
  );
  return `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>${items.join('')}</TagSet></Tagging>`;
}

function unreadable(op: string, key: string, bucket: string): SyncError {
  return new SyncError(`${op} ${bucket}/${key}: the answer is no list of tags`, { op, key, retryable: true });
}
