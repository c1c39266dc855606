import { beforeAll, describe, expect, it } from 'vitest';
import { opsStack, RESULT } from './stack.ts';

type Stack = Awaited<ReturnType<typeof opsStack>>;
let stack: Stack;
beforeAll(async () => {
  stack = await opsStack();
});

const SOON = { timeout: 20_000, interval: 50 };

/** Stands for the reconcile function: takes its message and notes the end of a run. */
async function reconciles(name: string, queue: string, result: object): Promise<string> {
  const bodies: string[] = [];
  await expect
    .poll(async () => {
      bodies.push(...(await stack.receive(queue)).map(({ Body = '' }) => Body));
      return bodies.length;
    }, SOON)
    .toBeGreaterThan(0);
  await stack.putControl(`reconcile-${name}`, { last: { ...RESULT, ...result } });
  return bodies.join();
}

describe('reconcile', () => {
  it('starts a run of the ledger and of every destination', async () => {
    const { code, printed } = await stack.ops('reconcile', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toEqual({ started: ['ledger', 'site-b'] });
    for (const queue of ['ReconcileQueueUrl', 'ReconcileSiteBQueueUrl']) {
      expect((await stack.receive(queue)).map(({ Body }) => Body)).toEqual(['{}']);
    }
  });

  it('waits for a whole run that began after it was asked for', async () => {
    await stack.putControl('reconcile-ledger', {
      running: { runId: 'earlier', startedMs: 0, segment: 3, leaseUntilMs: 1, dryRun: false },
    });
    const run = stack.ops('reconcile', 'ledger', '--wait', '--json');
    await expect.poll(() => stack.progress(), SOON).toContain('run earlier');
    expect(await stack.waiting('ReconcileQueueUrl')).toBe(0);
    await stack.putControl('reconcile-ledger', { last: { ...RESULT, runId: 'earlier' } });
    await reconciles('ledger', 'ReconcileQueueUrl', { runId: 'asked-for', objects: 5 });
    const { code, printed } = await run;
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toMatchObject([{ name: 'ledger', runId: 'asked-for', objects: 5 }]);
  });

  it('prints the plan of a dry run, and what a hostile key does to no terminal', async () => {
    const lines = [
      { key: 'a\u001b[2J', do: 'copy', reason: 'it is not there' },
      { key: 'b', do: 'delete', reason: 'the hub has lost it' },
    ];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    await stack.putObject('ReportsName', 'reconcile/dry/plan-0001.ndjson', text);
    const run = stack.ops('reconcile', 'site-b', '--dry-run');
    expect(await reconciles('site-b', 'ReconcileSiteBQueueUrl', { runId: 'dry', dryRun: true })).toBe(
      '{"dryRun":true}',
    );
    const { code, printed, noted } = await run;
    expect(code).toBe(0);
    expect(printed).toBe(
      'site-b  copy  a\\u{1b}[2J  (it is not there)\nsite-b  delete  b  (the hub has lost it)',
    );
    expect(noted).toContain('site-b: 0 objects in the hub');
  });

  it('answers a dry run as one JSON document: each run with its plan, empty too, or its error', async () => {
    const plan = [
      { key: 'a', do: 'copy', reason: 'it is not there' },
      { key: 'b', do: 'delete', reason: 'the hub has lost it' },
    ];
    for (const [index, line] of plan.entries()) {
      await stack.putObject(
        'ReportsName',
        `reconcile/j1/plan-000${index}.ndjson`,
        `${JSON.stringify(line)}\n`,
      );
    }
    const run = stack.ops('reconcile', '--dry-run', '--json');
    await reconciles('ledger', 'ReconcileQueueUrl', { runId: 'j1', dryRun: true });
    await reconciles('site-b', 'ReconcileSiteBQueueUrl', {
      runId: 'j2',
      dryRun: true,
      error: 'no such bucket',
    });
    const { code, printed } = await run;
    expect(code).toBe(1);
    expect(JSON.parse(printed)).toEqual([
      { ...RESULT, name: 'ledger', runId: 'j1', dryRun: true, plan },
      { ...RESULT, name: 'site-b', runId: 'j2', dryRun: true, error: 'no such bucket', plan: [] },
    ]);
  });

  it('goes on with the others when one cannot be run, and says of each how it went', async () => {
    await stack.ops('pause', 'reconcile-ledger');
    const run = stack.ops('reconcile', '--wait', '--json');
    await reconciles('site-b', 'ReconcileSiteBQueueUrl', { runId: 'other' });
    const { code, printed, noted } = await run;
    await stack.ops('resume', 'reconcile-ledger');
    expect(code).toBe(1);
    expect(noted).toContain('ledger: reconcile-ledger is paused');
    expect(JSON.parse(printed)).toEqual([
      { name: 'ledger', error: 'reconcile-ledger is paused\nops resume reconcile-ledger' },
      { ...RESULT, name: 'site-b', runId: 'other' },
    ]);
  });

  it('names what there is when asked for another', async () => {
    const { code, noted } = await stack.ops('reconcile', 'nope');
    expect(code).toBe(2);
    expect(noted).toBe(`ops: there is no nope to reconcile in ${stack.name}; there are ledger, site-b`);
  });

  it('ends with 1 when the run failed, and when it gave up', async () => {
    const failed = stack.ops('reconcile', 'site-b', '--wait');
    await reconciles('site-b', 'ReconcileSiteBQueueUrl', { runId: 'f', error: 'no such bucket' });
    expect(await failed).toMatchObject({ code: 1, noted: expect.stringContaining('failed: no such bucket') });

    const gone = stack.ops('reconcile', 'site-b', '--wait');
    await expect.poll(async () => (await stack.receive('ReconcileSiteBQueueUrl')).length, SOON).toBe(1);
    await stack.send('ReconcileSiteBDlqUrl', '{}');
    expect(await gone).toMatchObject({ code: 1, noted: expect.stringContaining('gave up') });
    await stack.receive('ReconcileSiteBDlqUrl');
  });

  it('does not wait for a consumer that is paused', async () => {
    await stack.ops('pause', 'reconcile-site-b');
    const { code, noted } = await stack.ops('reconcile', 'site-b', '--wait');
    await stack.ops('resume', 'reconcile-site-b');
    expect(code).toBe(1);
    expect(noted).toContain('ops resume reconcile-site-b');
  });
});

describe('approve', () => {
  const held = { count: 21, sinceMs: 0, reason: '21 deletes; the guard allows 20', runId: 'run-1' };
  const list = async () => {
    const lines = Array.from({ length: 21 }, (_, index) => `{"key":"k${index}","reason":"gone"}\n`);
    await stack.putObject('ReportsName', 'reconcile/run-1/deletes-0001.ndjson', lines.join(''));
    await stack.putControl('held-site-b', held);
  };

  it('shows what is held and asks before it lets anything go', async () => {
    await list();
    const { code, noted } = await stack.opsAsked('no', 'approve', 'site-b');
    expect(code).toBe(1);
    expect(noted).toContain(
      '21 deletes held since 1970-01-01 00:00:00+00:00: 21 deletes; the guard allows 20',
    );
    expect(noted).toContain('  k19  (gone)\n  … 1 more');
    expect(noted).toContain('nothing was approved');
    expect((await stack.ops('approve', 'site-b')).noted).toContain('--yes approves');
    expect(await stack.waiting('ReconcileSiteBQueueUrl')).toBe(0);
  });

  it.each([
    ['an answer', () => stack.opsAsked('yes', 'approve', 'site-b')],
    ['--yes', () => stack.ops('approve', 'site-b', '--yes')],
    ['--yes --json', () => stack.ops('approve', 'site-b', '--yes', '--json')],
  ])('lets the deletes of that run go after %s', async (what, approve) => {
    await list();
    const { code, printed } = await approve();
    expect(code).toBe(0);
    if (what.includes('--json')) {
      expect(JSON.parse(printed)).toEqual({ destination: 'site-b', approved: 21, runId: 'run-1' });
    } else expect(printed).toContain('deletes approved, on their way');
    const [message] = await stack.receive('ReconcileSiteBQueueUrl');
    expect(message?.Body).toBe('{"approve":"run-1"}');
  });

  it('says that held events have to be listed first', async () => {
    const { runId: _runId, ...unlisted } = held;
    await stack.putControl('held-site-b', unlisted);
    const { code, noted } = await stack.ops('approve', 'site-b', '--yes');
    expect(code).toBe(1);
    expect(noted).toContain('ops reconcile site-b --wait');
  });

  it('has nothing to do when nothing is held', async () => {
    await stack.putControl('held-site-b', { ...held, count: 0 });
    expect(await stack.ops('approve', 'site-b')).toMatchObject({
      code: 0,
      printed: 'site-b: nothing is held',
    });
    expect((await stack.ops('approve', 'ledger')).code).toBe(2);
  });
});

describe('initial-sync', () => {
  it('reconciles the ledger, then the destinations, and waits for the queues', async () => {
    const run = stack.ops('initial-sync', '--settle', '100ms', '--json');
    await reconciles('ledger', 'ReconcileQueueUrl', { runId: 'i1', objects: 9, copies: 9 });
    await stack.send('MirrorSiteBQueueUrl', 'a look');
    await reconciles('site-b', 'ReconcileSiteBQueueUrl', { runId: 'i2', copies: 1 });
    await expect.poll(() => stack.progress(), SOON).toContain('mirror-site-b: 1 waiting');
    await stack.receive('MirrorSiteBQueueUrl');
    const { code, printed } = await run;
    expect(code).toBe(0);
    expect(JSON.parse(printed)).toMatchObject({
      runs: [
        { name: 'ledger', objects: 9 },
        { name: 'site-b', copies: 1 },
      ],
      gaveUp: {},
      paused: [],
    });
  });

  it('ends with 1 when deletes are held or a message gave up, and says what to do', async () => {
    const run = stack.ops('initial-sync', '--settle', '100ms');
    await reconciles('ledger', 'ReconcileQueueUrl', { runId: 'h1' });
    await stack.send('MirrorSiteBDlqUrl', 'gave up');
    await reconciles('site-b', 'ReconcileSiteBQueueUrl', { runId: 'h2', held: 7 });
    const { code, printed } = await run;
    expect(code).toBe(1);
    expect(printed).toContain(
      'mirror-site-b: 1 messages gave up; ops logs shows why, ops redrive mirror-site-b',
    );
    expect(printed).toContain('site-b: 7 deletes are held; ops approve site-b shows them');
    await stack.receive('MirrorSiteBDlqUrl');
  });

  it('leaves out what is paused, says so, and ends with 1', async () => {
    await stack.ops('pause', 'site-b');
    const run = stack.ops('initial-sync', '--settle', '100ms');
    await reconciles('ledger', 'ReconcileQueueUrl', { runId: 'p1' });
    await reconciles('site-b', 'ReconcileSiteBQueueUrl', { runId: 'p2' });
    const { code, printed } = await run;
    await stack.ops('resume', 'site-b');
    expect(code).toBe(1);
    expect(printed).toContain('mirror-site-b is paused: ops resume mirror-site-b');
  });
});

describe('test', () => {
  it('checks everything and follows a file to its end, one line a step', async () => {
    const run = stack.ops('test', '--within', '20s', '--json');
    let key = '';
    await expect
      .poll(async () => {
        [key = ''] = await stack.keys('HubName', 'sluice-test/');
        return key;
      }, SOON)
      .not.toBe('');
    const record = (etag: string) => ({ 'm#site-b': { sourceEtag: etag, atMs: 1 }, delivery: { etag } });
    await stack.putRow(key, { state: 'present', etag: 'e', ...record('e') });
    await expect.poll(() => stack.keys('HubName', 'sluice-test/'), SOON).toEqual([]);
    await stack.putRow(key, { state: 'deleted', ...record('') });
    const { code, printed } = await run;
    const { ok, steps } = JSON.parse(printed);
    expect([code, ok]).toEqual([0, true]);
    expect(steps.map(({ name }: { name: string }) => name)).toEqual([
      'stack',
      'hub',
      'reports bucket',
      'ledger',
      'functions',
      'write',
      'ledger has it',
      'site-b has it',
      'file manager has it',
      'delete',
      'ledger knows that it is gone',
      'site-b deleted it',
      'file manager deleted it',
    ]);
  });

  it('fails with what it found when a step takes too long, and leaves no file', async () => {
    const { code, printed } = await stack.ops('test', '--within', '100ms');
    expect(code).toBe(1);
    expect(printed).toMatch(/failed ledger has it: not within 0\.1 s; the ledger has no row of it/);
    expect(printed).toContain('ok     delete');
    expect(await stack.keys('HubName', 'sluice-test/')).toEqual([]);
  });
});
