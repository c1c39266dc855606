/** The settings as a table for people and as a JSON Schema for editors, both made of the schemas that check them. */
import * as z from 'zod';

export interface JsonSchema {
  title?: string;
  type?: string;
  description?: string;
  default?: unknown;
  enum?: readonly unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: readonly string[];
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
}

type Settings = Record<string, JsonSchema>;

/**
 * JSON Schema, draft 2020-12, of what a file may hold. An editor finds it by the file's first line (yaml-language-server).
 *
 * @param beside settings that are taken out of the file before the schema sees it
 */
export function settingsSchema(schema: z.ZodType, title: string, beside: Settings = {}): JsonSchema {
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return { title, ...made, properties: { ...made.properties, ...beside } };
}

/** A Markdown table with a row for each setting, in the order of the schema; a list's own settings follow as `list[].name`. */
export function settingsReference(schema: z.ZodType, beside: Settings = {}): string {
  const rows = rowsOf(settingsSchema(schema, '', beside), '');
  return ['| setting | value | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** @param chosen a setting is needed where the object is: not so in one of several that a value may be */
function rowsOf({ properties = {}, required = [] }: JsonSchema, above: string, chosen = true): string[] {
  return Object.entries(properties).flatMap(([name, setting]) => {
    const path = `${above}${name}`;
    const inner = [setting, ...(setting.anyOf ?? [])];
    const cells = [
      `\`${path}\``,
      allowedIn(setting),
      chosen && required.includes(name) && setting.default === undefined
        ? '**required**'
        : defaultOf(setting),
      setting.description ?? '',
    ];
    return [
      `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
      ...inner.flatMap((one) => rowsOf(one, `${path}.`, one === setting)),
      ...inner.flatMap(({ items }) => (items === undefined ? [] : rowsOf(items, `${path}[].`))),
    ];
  });
}

function allowedIn(setting: JsonSchema): string {
  const { type, anyOf, pattern, format, minimum, maximum, items, properties, additionalProperties } = setting;
  if (anyOf !== undefined) return anyOf.map((one) => allowedIn(one) || namesIn(one)).join(', or ');
  const words = setting.enum ?? (setting.const === undefined ? undefined : [setting.const]);
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(', ');
  if (type === 'array') return items?.properties === undefined ? 'list' : 'list, see below';
  if (type === 'object' && properties === undefined) {
    const named = typeof additionalProperties === 'object' ? additionalProperties.type : undefined;
    return named === 'object' ? 'names with settings' : 'names with texts';
  }
  if (type === 'object') return '';
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer' || type === 'number') {
    const bounds = [
      minimum === undefined || minimum <= 0 ? '' : `from ${minimum}`,
      maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? '' : `to ${maximum}`,
    ].filter((bound) => bound !== '');
    return ['number', ...bounds].join(' ');
  }
  if (format === 'uri') return 'URL';
  return pattern?.includes('ms|s|m|h|d') ? 'duration' : 'text';
}

function defaultOf({ default: value }: JsonSchema): string {
  if (value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) return '';
  return value === '' ? 'empty' : `\`${value}\``;
}

function namesIn({ properties = {} }: JsonSchema): string {
  return Object.keys(properties)
    .map((name) => `\`${name}\``)
    .join(' and ');
}
