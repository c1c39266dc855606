import { expect, it } from 'vitest';
import { consumersOf, findConsumer } from '../../../infra/ops/consumers.ts';

const outputs = {
  HubName: 'hub',
  StateReport: 'fn-report',
  EventReplay: 'fn-replay',
  EventReplayQueueUrl: 'q-replay',
  EventReplayDlqUrl: 'd-replay',
  MirrorSiteB: 'fn-b',
  MirrorSiteBQueueUrl: 'q-b',
  MirrorSiteBDlqUrl: 'd-b',
  Deliver: 'fn-deliver',
  DeliverQueueUrl: 'q-deliver',
  DeliverDlqUrl: 'd-deliver',
  Reconcile: 'fn-reconcile',
  ReconcileQueueUrl: 'q-reconcile',
  ReconcileDlqUrl: 'd-reconcile',
  ReconcileSiteB: 'fn-reconcile-b',
  ReconcileSiteBQueueUrl: 'q-reconcile-b',
  ReconcileSiteBDlqUrl: 'd-reconcile-b',
  AgentBoxOneQueueUrl: 'q-agent',
  AgentBoxOneDlqUrl: 'd-agent',
  SchedulesDlqUrl: 'd-schedules',
};

it('reads the consumers from the outputs, in the order of the data path, by the names of sluice.yaml', () => {
  expect(consumersOf(outputs, ['site-b']).map(({ name }) => name)).toEqual([
    'ledger',
    'deliver',
    'mirror-site-b',
    'reconcile-ledger',
    'reconcile-site-b',
    'agent-box-one',
    'schedules',
  ]);
});

it('knows function, queue and dead letters of each, as far as it has them', () => {
  const consumers = consumersOf(outputs, ['site-b']);
  expect(consumers[2]).toEqual({
    id: 'MirrorSiteB',
    name: 'mirror-site-b',
    destination: 'site-b',
    functionName: 'fn-b',
    queueUrl: 'q-b',
    dlqUrl: 'd-b',
  });
  expect(consumers.at(-1)).toEqual({ id: 'Schedules', name: 'schedules', dlqUrl: 'd-schedules' });
});

it('finds a mirror by the name of its destination, and a consumer before it', () => {
  const named = { ...outputs, MirrorDeliverQueueUrl: 'q-trap' };
  const consumers = consumersOf(named, ['site-b', 'deliver']);
  expect(findConsumer(consumers, 'site-b')?.name).toBe('mirror-site-b');
  expect(findConsumer(consumers, 'mirror-deliver')?.queueUrl).toBe('q-trap');
  expect(findConsumer(consumers, 'deliver')?.queueUrl).toBe('q-deliver');
  expect(findConsumer(consumers, 'nobody')).toBeUndefined();
});

it.each([
  ['EventReplay', 'ledger'],
  ['MirrorSiteB', 'mirror-site-b'],
  ['mirrorsiteb', 'mirror-site-b'],
  ['ReconcileSiteB', 'reconcile-site-b'],
  ['Schedules', 'schedules'],
  ['AgentBoxOne', 'agent-box-one'],
  ['Site-B', 'mirror-site-b'],
])('finds a consumer by the word of its alarm, in letters of any case: %s', (word, name) => {
  expect(findConsumer(consumersOf(outputs, ['site-b']), word)?.name).toBe(name);
});

it('takes the word of an alarm for what it alarms, though a destination be called so', () => {
  const named = { ...outputs, MirrorReconcileQueueUrl: 'q-trap' };
  const consumers = consumersOf(named, ['site-b', 'reconcile']);
  expect(findConsumer(consumers, 'Reconcile')?.name).toBe('reconcile-ledger');
  expect(findConsumer(consumers, 'reconcile')?.name).toBe('mirror-reconcile');
});
