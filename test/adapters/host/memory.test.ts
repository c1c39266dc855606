import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { untouchedMappings } from '#adapters/host/memory.ts';
import { runInChild } from './folder.ts';

const SMAPS = `00400000-00746000 r--p 00000000 fe:00 17      /opt/agent
Rss:                 1024 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
00746000-00747000 r-xp 00346000 fe:00 17      /opt/agent
Anonymous:             4 kB
00747000-00749000 rw-p 00347000 fe:00 17      /opt/agent
Anonymous:             0 kB
0074a000-0075a000 r-xp 0034a000 fe:00 17      /opt/agent
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 18      /opt/agent.so
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00000000 00:00 0
Anonymous:             0 kB
`;

test('only pages of the program that nobody may write, and nobody has changed, are let go', () => {
  expect(untouchedMappings(SMAPS, '/opt/agent')).toEqual([
    { start: 0x400000, sizeBytes: 0x346000 },
    { start: 0x74a000, sizeBytes: 0x10000 },
  ]);
  expect(untouchedMappings(readFileSync('/proc/self/smaps', 'latin1')).length).toBeGreaterThan(0);
});

test('a program that has given its pages back goes on, with fewer pages of its own file', async () => {
  await runInChild(
    `const pages = () => Number(/RssFile:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
     import(process.argv[1]).then(({ givePagesBack }) => {
       new Intl.DateTimeFormat('en').format();
       const before = pages();
       givePagesBack();
       const after = pages();
       const text = require('node:crypto').createHash('sha256').update('x').digest('hex');
       if (!(after < before)) throw new Error(before + ' kB before, ' + after + ' kB after');
       if (text.length !== 64 || JSON.stringify([...'abc'].map((one) => one + one)) !== '["aa","bb","cc"]') throw 1;
     });`,
    new URL('../../../adapters/host/memory.ts', import.meta.url).href,
  );
});

test('what nothing points to any more is collected, where the program may ask for that', async () => {
  await runInChild(
    `require('node:v8').setFlagsFromString('--expose-gc');
     globalThis.gc = require('node:vm').runInNewContext('gc');
     import(process.argv[1]).then(({ giveMemoryBack }) => {
       giveMemoryBack();
       const before = process.memoryUsage().heapUsed;
       let garbage = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
       const full = process.memoryUsage().heapUsed;
       garbage = undefined;
       giveMemoryBack();
       const after = process.memoryUsage().heapUsed;
       if (!(full - before > 2e7 && after - before < 5e6)) throw new Error([before, full, after].join(' '));
     });`,
    new URL('../../../adapters/host/memory.ts', import.meta.url).href,
  );
});
