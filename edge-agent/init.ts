/**
 * `init`: at most five questions, and a commented agent.yaml. What flags answer is not asked; without a terminal
 * nothing is, and what is missing is named.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { makeDirectory } from '#adapters/host/make-directory.ts';
import { agentSettings } from '#core/settings/agent.ts';
import { AGENT_SCHEMA } from '#core/settings/editor-line.ts';
import { type FirstAnswers, firstAgentYaml, firstSettings } from '#core/settings/first-agent-yaml.ts';
import { parseSettings } from '#core/settings/problems.ts';
import { EXIT, type OptionValues, PROGRAM, UsageError } from './command.ts';

const DEFAULT_FILE = 'agent.yaml';

interface Question {
  answer: keyof FirstAnswers;
  asks: string;
  /** Absent: there must be an answer. */
  byDefault?: string | ((before: Partial<FirstAnswers>) => string);
  /** Where the answer is in the settings. */
  setting: string;
}

const QUESTIONS: readonly Question[] = [
  { answer: 'bucket', asks: 'Bucket (the hub; output HubName of the stack)', setting: 'store.bucket' },
  { answer: 'endpoint', asks: 'URL of the store, empty for AWS', byDefault: '', setting: 'store.endpoint' },
  { answer: 'path', asks: 'Directory on this host', setting: 'folders[0].path' },
  {
    answer: 'mode',
    asks: 'move, mirror, append or receive',
    byDefault: 'move',
    setting: 'folders[0].mode',
  },
  {
    answer: 'prefix',
    asks: 'Keys begin with',
    byDefault: ({ mode }) => (mode === 'receive' ? 'input/' : 'output/'),
    setting: 'folders[0].prefix',
  },
];

/** @throws UsageError when an answer is missing or wrong, or the file is there already or cannot be written */
export async function initCommand(options: OptionValues): Promise<number> {
  const file = typeof options.output === 'string' ? options.output : DEFAULT_FILE;
  if (existsSync(file)) throw new UsageError(`${file} is there already; name another with --output FILE`);
  const answers: Partial<FirstAnswers> = {};
  const dialogue = process.stdin.isTTY
    ? createInterface({ input: process.stdin, output: process.stderr })
    : undefined;
  try {
    for (const question of QUESTIONS) {
      const given = options[question.answer];
      answers[question.answer] =
        typeof given === 'string'
          ? checked(question, given, answers)
          : await asked(question, answers, dialogue);
    }
  } finally {
    dialogue?.close();
  }
  write(file, firstAgentYaml(answers as FirstAnswers, AGENT_SCHEMA));
  const next = { check: `${PROGRAM} check --config ${file}`, schema: `${PROGRAM} schema > ${AGENT_SCHEMA}` };
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ file, next })}\n`
      : `${file} is written. Next:
  ${next.check}  says what is still missing
  ${next.schema}  beside it lets editors complete it\n`,
  );
  return EXIT.done;
}

function write(file: string, text: string): void {
  try {
    makeDirectory(dirname(file));
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new UsageError(`${file} cannot be written: ${error.message}`);
  }
}

async function asked(
  question: Question,
  before: Partial<FirstAnswers>,
  dialogue: Interface | undefined,
): Promise<string> {
  const { answer, asks } = question;
  const byDefault =
    typeof question.byDefault === 'function' ? question.byDefault(before) : question.byDefault;
  if (dialogue === undefined) {
    if (byDefault !== undefined) return byDefault;
    throw new UsageError(`--${answer} is missing, and nobody can be asked: there is no terminal`);
  }
  for (;;) {
    const shown = byDefault === undefined || byDefault === '' ? '' : ` [${byDefault}]`;
    const said = (await dialogue.question(`${asks}${shown}: `)).trim() || (byDefault ?? '');
    const wrong = problemWith(question, said, before);
    if (wrong === undefined) return said;
    process.stderr.write(`  ${wrong}\n`);
  }
}

function checked(question: Question, given: string, before: Partial<FirstAnswers>): string {
  const wrong = problemWith(question, given, before);
  if (wrong !== undefined) throw new UsageError(`--${question.answer}: ${wrong}`);
  return given;
}

/** What the settings' own schema says to the answer, the others being as they are or good. */
function problemWith(
  { answer, setting }: Question,
  said: string,
  before: Partial<FirstAnswers>,
): string | undefined {
  const good = { bucket: 'bucket', endpoint: '', path: '/srv/files', mode: 'move', prefix: '' };
  const result = parseSettings(agentSettings, firstSettings({ ...good, ...before, [answer]: said }));
  if ('settings' in result) return undefined;
  const problem = result.problems.find(({ path }) => path === setting);
  return problem === undefined ? undefined : `found ${problem.found}, expected ${problem.expected}`;
}
