/** What the agent says of itself, line by line. It is asked for JSON, because a file may have any name. */
import * as z from 'zod';

export interface AgentLine {
  level: string;
  message: string;
  key?: string | undefined;
  fields: Readonly<Record<string, string | number>>;
}

const line = z
  .object({ time: z.string(), level: z.string(), message: z.string(), key: z.string().optional() })
  .catchall(z.union([z.string(), z.number()]));

/** `undefined` for what is no line of its log, such as the last words of a crash. */
export function parseAgentLine(text: string): AgentLine | undefined {
  try {
    const { time: _, level, message, key, ...fields } = line.parse(JSON.parse(text));
    return { level, message, ...(key === undefined ? {} : { key }), fields };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

/** As the agent itself says it to people: `INFO  uploaded output/x bytes=3 ms=31`. */
export function agentLineText({ level, message, key, fields }: AgentLine): string {
  const details = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
  const name = message.includes(': ') ? ' key=' : ' ';
  return `${level.padEnd(5)} ${message}${key === undefined ? '' : `${name}${key}`}${details.join('')}`;
}
