/**
 * The lines about the keys of one batch, gathered: CloudWatch charges by the byte, and most bytes of such lines are the
 * same. Each key still has its place with everything that was said of it. Warnings and errors do not wait.
 */
import type { Log, LogFields } from './log.ts';

export interface GatheredLog extends Log {
  /** Writes what was gathered; to be called when the batch ends, however it does. */
  flush(): void;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html: an event has at most 256 KB. */
const LINE_CHARACTERS = 60_000;

/** Lines of `info` about a key are gathered by their message. */
export function gatheredLog(log: Log): GatheredLog {
  const gathered = new Map<string, LogFields[]>();
  let characters = 0;
  const flush = () => {
    for (const [message, lines] of gathered) log.info(message, joined(lines));
    gathered.clear();
    characters = 0;
  };
  return {
    debug: (message, fields) => log.debug(message, fields),
    info(message, fields = {}) {
      if (typeof fields.key !== 'string') return log.info(message, fields);
      const lines = gathered.get(message);
      if (lines === undefined) gathered.set(message, [fields]);
      else lines.push(fields);
      characters += JSON.stringify(fields).length;
      if (characters > LINE_CHARACTERS) flush();
    },
    warn: (message, fields) => log.warn(message, fields),
    error: (message, fields) => log.error(message, fields),
    flush,
  };
}

/** What is the same of all stands once; a single line stays as it is. */
function joined(lines: readonly LogFields[]): LogFields {
  const [first = {}, ...others] = lines;
  if (others.length === 0) return first;
  const same = Object.keys(first).filter(
    (name) => name !== 'key' && others.every((line) => line[name] === first[name]),
  );
  const common = Object.fromEntries(same.map((name) => [name, first[name]]));
  const objects = lines.map((line) =>
    Object.fromEntries(Object.entries(line).filter(([name]) => !same.includes(name))),
  );
  return { count: lines.length, ...common, objects };
}
