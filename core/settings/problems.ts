/** Turns what zod found into lines a person can act on: every problem at once, with key, found and expected. */
import * as z from 'zod';
import { nearestWord } from '../nearest-word.ts';

export interface SettingsProblem {
  /** `destinations[0].bucket`; empty for the file as a whole. */
  path: string;
  found: string;
  expected: string;
}

/** For people who write YAML. */
const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'settings below it',
  record: 'settings below it',
};

/** The parsed settings, or every problem of the file. Never throws for what the file says. */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { settings: z.output<Schema> } | { problems: SettingsProblem[] } {
  const result = schema.safeParse(value ?? {}, { reportInput: true });
  if (result.success) return { settings: result.data };
  return { problems: result.error.issues.flatMap((issue) => explain(issue, value, schema)) };
}

/** One line a problem: `agent.yaml: folders[0].mode: found "copy", expected one of …`. */
export function formatProblems(file: string, problems: readonly SettingsProblem[]): string {
  return problems
    .map(
      ({ path, found, expected }) =>
        `${file}: ${path === '' ? '' : `${path}: `}found ${found}, expected ${expected}`,
    )
    .join('\n');
}

function explain(issue: z.core.$ZodIssue, root: unknown, schema: z.ZodType): SettingsProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => {
      const near = nearestWord(key, known);
      return {
        path: pathText([...issue.path, key]),
        found: 'an unknown setting',
        expected: near === undefined ? `one of ${known.join(', ')}` : `${near} (did you mean that?)`,
      };
    });
  }
  // As it was written: a check of a duration is given milliseconds.
  const written = issue.code === 'invalid_key' ? issue.path.at(-1) : valueAt(root, issue.path);
  const found = show(written ?? issue.input);
  return [{ path: pathText(issue.path), found, expected: expectation(issue) }];
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid') ? typeWords(issue.expected) : issue.message;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return issue.message.startsWith('Too small')
        ? `at least ${amount(issue, issue.minimum)}`
        : issue.message;
    case 'too_big':
      return issue.message.startsWith('Too big') ? `at most ${amount(issue, issue.maximum)}` : issue.message;
    case 'invalid_format':
      return issue.message.startsWith('Invalid') ? `a valid ${issue.format}` : issue.message;
    case 'invalid_key':
      return `a name with ${issue.issues.map(expectation).join(', ')}`;
    default:
      return issue.message;
  }
}

/** Texts are measured in characters. */
function amount({ origin }: { origin: string }, limit: number | bigint): string {
  return origin === 'string' ? `${limit} ${limit === 1 ? 'character' : 'characters'}` : `${limit}`;
}

function typeWords(type: string): string {
  return TYPE_WORDS[type] ?? `a value of type ${type}`;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = (JSON.stringify(value) ?? String(value)).replace(/:\/\/[^/"]*@/g, '://***@');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** The keys that the schema knows at a path; looked up in its JSON Schema, which follows every wrapper. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  type Node = { properties?: Record<string, Node>; items?: Node };
  let node: Node | undefined = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node;
  for (const part of path) node = typeof part === 'number' ? node?.items : node?.properties?.[String(part)];
  return Object.keys(node?.properties ?? {});
}
