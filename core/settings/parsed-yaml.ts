/** YAML that somebody wrote, and what is wrong with it. */
import { parse, YAMLParseError } from 'yaml';

/** The value, `null` for an empty text; or, in one line, why it is not YAML. */
export function parsedYaml(text: string): { value: unknown } | { fault: string } {
  try {
    return { value: parse(text) };
  } catch (error) {
    // An alias without an anchor is a ReferenceError.
    if (!(error instanceof YAMLParseError || error instanceof ReferenceError)) throw error;
    return { fault: error.message.split('\n')[0] ?? '' };
  }
}
