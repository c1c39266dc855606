import { describe, expect, it, onTestFinished } from 'vitest';
import { startFileManager } from '../../infra/local/file-manager.ts';

async function started() {
  const lines: string[] = [];
  const server = await startFileManager({ onCall: (line) => lines.push(line) });
  onTestFinished(() => server.stop());
  const post = async (op: string, body: unknown, id: string | undefined) => {
    const response = await fetch(`${server.url}/${op}`, {
      method: 'POST',
      redirect: 'manual',
      headers: id === undefined ? {} : { 'idempotency-key': id },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    return response.status;
  };
  const get = async (path: string) => (await fetch(`${server.url}${path}`)).text();
  return { server, lines, post, get };
}

describe('the mock file manager', () => {
  it('does a call with a known idempotency key no second time, and says so', async () => {
    const { server, post, get, lines } = await started();
    const told = (mode: string) => ({ key: 'k', permissions: { mode } });
    await fetch(`${server.url}/saveToDisk`, {
      method: 'POST',
      headers: {
        'idempotency-key': 'id-0',
        'sluice-key': 'k',
        'sluice-size': '3',
        'sluice-attributes': 'e30=',
      },
      body: 'abc',
    });
    for (const [mode, id] of [
      ['1', 'id-1'],
      ['2', 'id-2'],
      ['1', 'id-1'],
    ] as const) {
      expect(await post('updatePermissions', told(mode), id)).toBe(200);
    }
    expect(server.files().get('k')?.permissions).toEqual({ mode: '2' });
    expect(server.calls().map(({ repeated }) => repeated)).toEqual([false, false, false, true]);
    expect(JSON.parse(await get('/calls'))).toEqual(server.calls());
    expect(lines.at(0)).toBe('saveToDisk k, 3 bytes');
    expect(lines.at(-1)).toBe('updatePermissions k, repeated');
  });

  it('fails as often as it is told, before or after having done it', async () => {
    const { post, server } = await started();
    await post('fail', { status: 503, times: 2 }, undefined);
    const statuses = [];
    for (let index = 0; index < 3; index++) statuses.push(await post('delete', { key: 'k' }, 'id-1'));
    expect(statuses).toEqual([503, 503, 200]);
    server.fail({ status: 500, times: 1, applied: true });
    expect([await post('delete', { key: 'k' }, 'id-2'), await post('delete', { key: 'k' }, 'id-2')]).toEqual([
      500, 200,
    ]);
    expect(server.calls().at(-1)).toMatchObject({ repeated: true, status: 200 });
  });

  it.each([
    ['no idempotency key', 'delete', { key: 'k' }, undefined, 400],
    ['no key', 'delete', {}, 'id', 400],
    ['no such call', 'remove', { key: 'k' }, 'id', 404],
    ['no such file', 'rename', { from: 'a', to: 'b' }, 'id', 404],
  ])('refuses a call with %s', async (_what, op, body, id, status) => {
    const { post, server } = await started();
    expect(await post(op, body, id)).toBe(status);
    expect(server.files().size).toBe(0);
  });

  it('keeps nothing of a file that was cut off', async () => {
    const { server } = await started();
    const response = await fetch(`${server.url}/saveToDisk`, {
      method: 'POST',
      headers: {
        'idempotency-key': 'id',
        'sluice-key': 'k',
        'sluice-size': '10',
        'sluice-attributes': 'e30=',
      },
      body: 'short',
    });
    expect(response.status).toBe(400);
    expect(server.files().size).toBe(0);
  });

  it('shows its calls on a page, on which keys are only text', async () => {
    const { post, get } = await started();
    await post('delete', { key: '<script>alert(1)</script>&"' }, 'id');
    const page = await get('/');
    expect(page).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#34;');
    expect(page).not.toContain('<script>');
  });

  it('keeps the last thousand calls', async () => {
    const { post, server } = await started();
    for (let index = 0; index < 1010; index++) await post('delete', { key: `k${index}` }, `id-${index}`);
    expect(server.calls()).toHaveLength(1000);
    expect(server.calls()[0]?.key).toBe('k10');
  });
});
