import { expect, it } from 'vitest';
import { createLog } from '../../edge-agent/log.ts';

function lines(format: 'readable' | 'json', act: (log: ReturnType<typeof createLog>) => void): string[] {
  const written: string[] = [];
  act(createLog({ level: 'INFO', format }, (line) => written.push(line)));
  return written;
}

it('writes one line, whatever a file is called', () => {
  const [line] = lines('readable', (log) => log.info('uploaded', { key: 'a\nERROR forged\u001b[2J' }));
  expect(line).toContain('uploaded a\\nERROR forged\\u001b[2J');
  expect(line?.trimEnd()).not.toMatch(/\p{Cc}/u);
});

it('writes JSON that parses, and nothing below its level', () => {
  const written = lines('json', (log) => {
    log.debug('hidden');
    log.warn('seen', { key: 'k', bytes: 3 });
  });
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0] ?? '')).toMatchObject({ level: 'WARN', message: 'seen', key: 'k', bytes: 3 });
});
