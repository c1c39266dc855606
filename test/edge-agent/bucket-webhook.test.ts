/** The address at which the agent takes the webhook of a store. */
import { expect, it, onTestFinished } from 'vitest';
import { startWebhook } from '../../edge-agent/bucket-webhook.ts';
import { s3Body } from '../doubles/s3-event.ts';

async function webhook() {
  const keys: string[] = [];
  const refused: string[] = [];
  const server = await startWebhook({
    listen: '127.0.0.1:0',
    token: 'right',
    onEvents: (events) => keys.push(...events.map(({ key }) => String(key))),
    onRefused: (why) => refused.push(why),
  });
  onTestFinished(server.close);
  const post = async (body: string, token = 'Bearer right', method = 'POST') =>
    (
      await fetch(`http://${server.address}/`, {
        method,
        headers: { authorization: token },
        ...(method === 'POST' ? { body } : {}),
      })
    ).status;
  return { server, keys, refused, post };
}

it('hands on the keys of a notification, and answers that it has them', async () => {
  const { keys, post } = await webhook();
  expect(await post(s3Body({ key: 'a+b' }))).toBe(200);
  expect(keys).toEqual(['a b']);
});

it('takes nothing without the right token', async () => {
  const { keys, refused, post } = await webhook();
  expect(await post(s3Body({ key: 'k' }), 'Bearer wrong')).toBe(401);
  expect(await post(s3Body({ key: 'k' }), '')).toBe(401);
  expect(keys).toEqual([]);
  expect(refused).toHaveLength(2);
});

it('answers the store that only looks whether somebody is there', async () => {
  const { post } = await webhook();
  expect(await post('', 'Bearer right', 'HEAD')).toBe(200);
  expect(await post('')).toBe(200);
  expect(await post('', 'right', 'DELETE')).toBe(405);
});

it('refuses what is no notification, and what is too large, and says so', async () => {
  const { keys, refused, post } = await webhook();
  expect(await post('{')).toBe(400);
  expect(await post('{"a":1}')).toBe(400);
  expect(await post('x'.repeat(2 ** 20 + 1))).toBe(413);
  expect(keys).toEqual([]);
  expect(refused).toHaveLength(3);
});

it('says which address it cannot have', async () => {
  const { server } = await webhook();
  const twice = startWebhook({ listen: server.address, token: 't', onEvents() {}, onRefused() {} });
  await expect(twice).rejects.toMatchObject({ code: 'WebhookAddress' });
});
