/** Files of `key=value` lines. A line that says nothing is a problem: its setting would silently be the default. */
import type { SettingsProblem } from '../settings/problems.ts';

/**
 * Comment lines start with `#` or `;`. Values of a `.env` file may be quoted, follow `export`, and end with ` #` and
 * a comment. No problem repeats what stands in a line: it may be a secret.
 */
export function keyValueLines(
  text: string,
  syntax: 'plain' | 'env',
): { values: Map<string, string>; problems: SettingsProblem[] } {
  const values = new Map<string, string>();
  const problems: SettingsProblem[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    const separator = line.indexOf('=');
    const key = line
      .slice(0, Math.max(separator, 0))
      .replace(syntax === 'env' ? /^export\s+/ : '', '')
      .trim();
    if (!/^[A-Za-z_][\w.-]*$/.test(key)) {
      problems.push({ path: `line ${index + 1}`, found: 'something else', expected: 'KEY=value' });
    } else if (values.has(key)) {
      problems.push({ path: key, found: `a second value in line ${index + 1}`, expected: 'one' });
    } else {
      const value = line.slice(separator + 1).trim();
      values.set(key, syntax === 'env' ? unquoted(value) : value);
    }
  }
  return { values, problems };
}

function unquoted(value: string): string {
  const quoted = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(value);
  return quoted?.[2] ?? value.replace(/(?:^|\s+)#.*$/, '');
}
