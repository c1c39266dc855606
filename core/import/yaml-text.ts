/** Imported settings as the text of a YAML file, each comment above its setting. */
import { Document, isMap, isPair, isScalar } from 'yaml';
import { editorLine } from '../settings/editor-line.ts';
import type { Imported } from './imported.ts';

/**
 * @param header of the file, one line
 * @param schema path or URL of its JSON Schema, for editors
 */
export function importedYaml(
  { settings, comments }: Omit<Imported, 'notes'>,
  header: string,
  schema: string,
): string {
  const document = new Document(settings, { aliasDuplicateObjects: false });
  document.commentBefore = ` ${editorLine(schema)}\n ${header}`;
  for (const { path, text } of comments) {
    const parent = document.getIn(path.slice(0, -1), true);
    const owner = path.length === 1 ? document.contents : parent;
    const pair = isMap(owner)
      ? owner.items.find((one) => isPair(one) && isScalar(one.key) && one.key.value === path.at(-1))
      : undefined;
    if (isScalar(pair?.key)) pair.key.commentBefore = ` ${text}`;
  }
  return document.toString({ lineWidth: 0 });
}
