import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { ops, opsStack, REPORT_ANSWER, RESULT } from './stack.ts';

type Stack = Awaited<ReturnType<typeof opsStack>>;
let stack: Stack;
beforeAll(async () => {
  stack = await opsStack();
});

describe('a command line', () => {
  it('without a command lists them all', async () => {
    const { code, printed, noted } = await ops([]);
    expect([code, printed]).toEqual([2, '']);
    expect((await ops(['--json'])).code).toBe(2);
    for (const asked of ['help', '--help']) {
      const help = await ops([asked]);
      expect(help.code).toBe(0);
      expect(noted).toBe(`ops: which command?\n\n${help.printed}`);
    }
    for (const name of ['initial-sync', 'incremental-sync', 'status', 'test', 'redrive', 'logs', 'import']) {
      expect(noted).toContain(`\n  ${name} `);
    }
  });

  it.each([
    ['help', 'redrive'],
    ['redrive', '--help'],
    ['redrive', '-h'],
  ])('asks for help with %s %s', async (...args) => {
    const { code, printed } = await ops(args);
    expect(code).toBe(0);
    expect(printed).toContain('usage: npm run ops -- redrive CONSUMER|all [--limit N]');
    expect(printed).toContain('npm run ops -- redrive site-b --limit 10');
  });

  it.each([
    [['stauts'], 'stauts is no command: did you mean status?'],
    [['frobnicate'], 'frobnicate is no command: there are initial-sync,'],
    [['status', '--jsno'], '--jsno is no option: did you mean --json?'],
    [['redrive'], 'usage: ops redrive CONSUMER|all [--limit N]'],
    [['pause', 'a', 'b'], 'b is too much'],
    [['constructor'], 'constructor is no command'],
    [['--nonsense'], '--nonsense is no option'],
  ])('that is wrong (%j) is answered with 2 and what is meant', async (args, said) => {
    const { code, noted, printed } = await ops(args);
    expect(code).toBe(2);
    expect(noted).toContain(said);
    expect(printed).toBe('');
  });

  it('for a stack that is not there says so and what to do', async () => {
    const { code, noted } = await ops(['status', '--stack', `none-${randomUUID()}`]);
    expect(code).toBe(1);
    expect(noted).toMatch(/there is no stack none-.*\nName it with --stack/);
  });
});

describe('redrive', () => {
  it('sends again what gave up, with its attributes, and only then deletes it', async () => {
    const attribute = { DataType: 'String', StringValue: 'v' };
    await stack.send('MirrorSiteBDlqUrl', 'first', { MessageAttributes: { a: attribute } });
    await stack.send('MirrorSiteBDlqUrl', 'second');
    const { code, printed } = await stack.ops('redrive', 'site-b');
    expect(code).toBe(0);
    expect(printed).toBe('mirror-site-b: 2 sent again');
    const again = await stack.receive('MirrorSiteBQueueUrl');
    expect(again.map(({ Body }) => Body).toSorted()).toEqual(['first', 'second']);
    expect(again.find(({ Body }) => Body === 'first')?.MessageAttributes?.a).toMatchObject(attribute);
    expect(await stack.waiting('MirrorSiteBDlqUrl')).toBe(0);
  });

  it('keeps the group and the order of a FIFO queue, and is not taken for a copy of the first sending', async () => {
    for (const body of ['1', '2', '3']) {
      const fifo = { MessageGroupId: 'g', MessageDeduplicationId: `id-${body}` };
      // The queue has seen these ids a moment ago.
      await stack.send('DeliverQueueUrl', body, fifo);
      await stack.send('DeliverDlqUrl', body, fifo);
    }
    expect(await stack.receive('DeliverQueueUrl')).toHaveLength(3);
    expect((await stack.ops('redrive', 'deliver')).printed).toBe('deliver: 3 sent again');
    const again = await stack.receive('DeliverQueueUrl');
    expect(again.map(({ Body }) => Body)).toEqual(['1', '2', '3']);
    expect(new Set(again.map(({ Attributes }) => Attributes?.MessageGroupId))).toEqual(new Set(['g']));
  });

  it('stops at its limit and tells what is left', async () => {
    for (const body of ['1', '2', '3']) await stack.send('EventReplayDlqUrl', body);
    const { code, printed } = await stack.ops('redrive', 'ledger', '--limit', '2', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toEqual([{ consumer: 'ledger', moved: 2, left: 1 }]);
    expect((await stack.ops('redrive', 'all')).printed).toBe('ledger: 1 sent again');
    expect((await stack.ops('redrive', 'all')).printed).toBe('nothing to redrive');
    expect(await stack.receive('EventReplayQueueUrl')).toHaveLength(3);
  });

  it('says of failed schedules that no queue takes them back, and ends with 1', async () => {
    await stack.send('SchedulesDlqUrl', '{}');
    const { code, printed } = await stack.ops('redrive', 'schedules');
    expect(code).toBe(1);
    expect(printed).toMatch(/^schedules: 1 runs failed; they have no queue/);
    expect(await stack.waiting('SchedulesDlqUrl')).toBe(1);
    await stack.receive('SchedulesDlqUrl');
  });

  it.each([
    ['all', 'nothing to redrive'],
    ['schedules', 'schedules: nothing to redrive'],
    ['MirrorSiteB', 'mirror-site-b: nothing to redrive'],
  ])('says once that nothing gave up: %s', async (name, said) => {
    expect(await stack.ops('redrive', name)).toMatchObject({ code: 0, printed: said });
  });

  it('knows its consumers', async () => {
    const { code, noted } = await stack.ops('redrive', 'nobody');
    expect(code).toBe(2);
    expect(noted).toContain('nobody is no consumer');
    expect(noted).toContain('mirror-site-b');
  });
});

describe('pause and resume', () => {
  it('turn the switch of a destination, and status shows it', async () => {
    expect((await stack.ops('pause', 'site-b')).code).toBe(0);
    const paused = JSON.parse((await stack.ops('status', '--json')).printed);
    expect(paused.consumers.find(({ name }: { name: string }) => name === 'mirror-site-b').paused).toBe(true);
    expect((await stack.ops('status')).printed).toContain('paused: ops resume mirror-site-b');
    expect((await stack.ops('resume', 'mirror-site-b')).code).toBe(0);
    expect((await stack.ops('status')).printed).not.toContain('paused');
  });

  it('answer as JSON with what is paused now', async () => {
    const answered = async (command: string) =>
      JSON.parse((await stack.ops(command, 'site-b', '--json')).printed);
    expect(await answered('pause')).toMatchObject({ consumer: 'mirror-site-b', paused: true });
    expect(await answered('resume')).toMatchObject({ consumer: 'mirror-site-b', paused: false });
  });

  it('do not take what has no switch', async () => {
    expect((await stack.ops('pause', 'schedules')).code).toBe(2);
  });
});

describe('status', () => {
  it('shows what waits, what gave up, what is held, who lives and what ran', async () => {
    const quiet = await opsStack();
    await quiet.send('MirrorSiteBQueueUrl', 'waits');
    await quiet.send('MirrorSiteBDlqUrl', 'gave up');
    await quiet.putControl('held-site-b', { count: 1234, sinceMs: 0, reason: 'too many', runId: 'r1' });
    await quiet.putControl('reconcile-ledger', {
      last: { ...RESULT, startedMs: 1000, endedMs: 3000, objects: 77, error: 'the hub is gone' },
    });
    await quiet.putObject(
      'ReportsName',
      'runs/state-report.json',
      JSON.stringify({
        time: new Date(Date.now() - 60_000).toISOString(),
        changes: { created: 2 },
        state: { at: '2026-01-02T03:04:05.678Z', objects: 12_345, bytes: 3 * 1024 ** 3 },
        queues: [{ name: 'MirrorSiteB', busyMs: 120_000 }],
        destinations: [{ name: 'site-b', copies: { current: 12_000, behind: 300, gone: 40, untold: 5 } }],
        errors: ['heartbeat of box cannot be read'],
      }),
    );
    const beat = (name: string, atMs: number) => ({
      agent: name,
      at: new Date(atMs).toISOString(),
      nextAt: new Date(atMs + 60_000).toISOString(),
      folders: [{ name: 'out', state: 'unavailable', queued: 5, heldDeletes: 2 }],
    });
    const now = Date.now();
    await quiet.putObject('HubName', '.sluice/agents/box/heartbeat.json', JSON.stringify(beat('box', now)));
    await quiet.putObject('HubName', '.sluice/agents/old/heartbeat.json', JSON.stringify(beat('old', 0)));

    const found = JSON.parse((await quiet.ops('status', '--json')).printed);
    expect(found).toMatchObject({
      stack: quiet.name,
      destinations: [{ name: 'site-b', bucket: 'copies-b', enabled: true }],
      held: [{ destination: 'site-b', count: 1234, reason: 'too many' }],
      agents: [
        { name: 'box', overdue: false, queued: 5, heldDeletes: 2, troubled: ['out (unavailable)'] },
        { name: 'old', overdue: true },
      ],
    });
    expect(found.consumers).toContainEqual({
      name: 'mirror-site-b',
      paused: false,
      waiting: 1,
      inFlight: 0,
      deadLetters: 1,
      oldestAtMostMs: expect.any(Number),
    });
    expect(found.runs[0]).toMatchObject({
      name: 'reconcile ledger',
      durationMs: 2000,
      error: 'the hub is gone',
    });

    const { printed } = await quiet.ops('status');
    for (const text of [
      '1,234',
      'ops approve site-b',
      'failed: the hub is gone',
      'overdue',
      'took 2.0 s',
      '12,345 objects, 3.0 GiB',
      '12,000 current, 345 pending',
      'at most 3 min',
      'failed: heartbeat',
    ]) {
      expect(printed).toContain(text);
    }
  });
});

describe('the functions', () => {
  it('that remove by age are run and answer', async () => {
    const { code, printed } = await stack.ops('retention', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toEqual({ dryRun: true });
  });

  it('that report are run once all queues are empty', async () => {
    await stack.send('EventReplayQueueUrl', 'an event');
    let ended = false;
    const run = stack.ops('incremental-sync', '--settle', '100ms', '--json').finally(() => {
      ended = true;
    });
    await expect.poll(() => stack.progress(), { timeout: 20_000 }).toContain('ledger: 1 waiting, 0 in work');
    expect(ended).toBe(false);
    await stack.receive('EventReplayQueueUrl');
    const { code, printed } = await run;
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toEqual(REPORT_ANSWER);
  });

  it('are told of in numbers and by the files they wrote', async () => {
    const { printed } = await stack.ops('incremental-sync', '--settle', '1ms');
    expect(printed.split('\n')).toEqual([
      'created  3',
      'deleted  1',
      `written  s3://${stack.output('ReportsName')}/diff/1.csv`,
      `written  s3://${stack.output('ReportsName')}/html/1.html`,
    ]);
  });

  it('say what they log, in lines or as JSON', async () => {
    await stack.ops('retention');
    const said = async () => (await stack.ops('logs', 'Retention', '--since', '1h', '--json')).printed;
    await expect.poll(said, { timeout: 20_000 }).toContain('said by the function');
    const line = JSON.parse((await said()).split('\n').find((one) => one.includes('said by')) ?? '');
    expect(line).toMatchObject({ function: 'Retention', line: { message: 'said by the function' } });
    const { printed } = await stack.ops('logs', 'ret', '--since', '1h');
    expect(printed).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+00:00 WARN {2}Retention said by the function n=1$/m,
    );
  });

  it.each(['ledger', 'EventReplay', 'site-b', 'mirror-site-b', 'reconcile-ledger'])(
    'are found by the name of their consumer too: %s',
    async (name) => {
      expect(await stack.ops('logs', name, '--since', '1s')).toMatchObject({ code: 0, noted: '' });
    },
  );

  it('are named when another is asked for', async () => {
    const { code, noted } = await stack.ops('logs', 'Nobody');
    expect(code).toBe(2);
    expect(noted).toContain('EventReplay');
  });

  it.each(['tomorrow', '-5m', '0s'])('do not log since %s', async (since) => {
    expect((await stack.ops('logs', `--since=${since}`)).code).toBe(2);
  });
});
