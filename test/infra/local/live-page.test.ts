/** What the live page shows, and whom its server answers. */
import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Actions } from '../../../infra/local/live/actions.ts';
import { livePage } from '../../../infra/local/live/page.ts';
import { placesText } from '../../../infra/local/live/places.ts';
import { figureOf } from '../../../infra/local/live/plot.ts';
import { partsOf } from '../../../infra/local/live/sections.ts';
import { withSample } from '../../../infra/local/live/series.ts';
import { type LiveServer, startLiveServer } from '../../../infra/local/live/server.ts';
import type { Snapshot } from '../../../infra/local/live/snapshot.ts';
import { createWays } from '../../../infra/local/live/ways.ts';
import { folderOf, NOW_MS, rightSnapshot } from './snapshot.ts';

const HOSTILE = `</td></script><script>hurt()</script><img src=x onerror="hurt()">"'&\u202egpj.\u0007`;
const PLACES = {
  endpoint: HOSTILE,
  hub: HOSTILE,
  folder: `/${HOSTILE}`,
  fileManager: 'http://x',
  agentPage: HOSTILE,
};

function hostileSnapshot(): Snapshot {
  const ways = createWays([HOSTILE, 'file manager']);
  ways.uploaded(HOSTILE, 1, 0, NOW_MS - 2_000);
  ways.recorded(HOSTILE, 'v1', 1, NOW_MS - 1_500);
  ways.failed(HOSTILE, 'file manager', HOSTILE);
  ways.confirmed(HOSTILE, HOSTILE, 'v1', NOW_MS - 1_000);
  ways.remark(HOSTILE, HOSTILE);
  ways.recorded(`${HOSTILE} 2`, '', 1, NOW_MS);
  for (const stage of [HOSTILE, 'file manager']) ways.confirmed(`${HOSTILE} 2`, stage, '', NOW_MS);
  const right = rightSnapshot();
  return {
    ...right,
    agent: {
      isRunning: true,
      address: HOSTILE,
      status: {
        version: HOSTILE,
        startedAt: new Date(NOW_MS).toISOString(),
        health: 'failing',
        folders: [{ ...folderOf(HOSTILE), mode: HOSTILE, state: 'held', reason: HOSTILE, watch: HOSTILE }],
        problems: [{ at: new Date(NOW_MS).toISOString(), level: 'ERROR', text: HOSTILE }],
      },
    },
    destinations: [{ name: HOSTILE, bucket: HOSTILE, verified: 1, waiting: 1, deadLetters: 1, gate: 'down' }],
    cdn: { distribution: HOSTILE, invalidations: 1, inProgress: 1 },
    queues: [{ name: HOSTILE, waiting: 1, inFlight: 1, delayed: 1, deadLetters: 1 }],
    ways: ways.all(),
    faults: [HOSTILE],
  };
}

describe('the parts of the page', () => {
  it('spell out every name that could be markup, and every character that cannot be seen', () => {
    const snapshot = hostileSnapshot();
    const html = livePage({
      parts: {
        ...partsOf(snapshot, withSample(withSample([], snapshot), { ...snapshot, atMs: NOW_MS + 1_000 })),
        places: placesText(PLACES),
      },
      buttons: { id: { action: HOSTILE, label: HOSTILE } },
      token: HOSTILE,
      atMs: NOW_MS,
    });
    expect(html).toContain('&#60;script&#62;hurt()');
    expect(html).not.toMatch(/<img|<script>hurt|onerror="hurt/);
    for (const unseen of ['\u202e', '\u0007']) expect(html).not.toContain(unseen);
    // Of the page itself: one, and nothing after it that begins another.
    expect(html.match(/<script/g)).toHaveLength(1);
  });

  it('lead to the agent that runs, and to none that does not', () => {
    const address = 'http://127.0.0.1:1/';
    expect(placesText({ ...PLACES, agentPage: address })).toContain(`<a href="${address}">`);
    expect(placesText({ ...PLACES, agentPage: undefined })).toContain('<dt>Agent</dt><dd>does not run</dd>');
  });

  it('say by words and signs what colours say', () => {
    const { verdict, destinations, agent } = partsOf(hostileSnapshot(), []);
    expect(verdict).toContain('!</span> Look here');
    expect(destinations).toContain('✗ </span>down');
    expect(agent).toContain('held: ');
    expect(partsOf(rightSnapshot(), []).verdict).toContain('✓</span> All right');
    expect(partsOf(rightSnapshot({ agent: { isRunning: false } }), []).agent).toContain(
      '✗ The agent does not run.',
    );
  });

  it('give every table headings for its columns and rows, and every plot a name and its numbers as text', () => {
    const snapshot = hostileSnapshot();
    const parts = partsOf(snapshot, withSample([], snapshot));
    for (const name of ['ways', 'agent', 'destinations', 'services', 'queues', 'errors']) {
      expect(parts[name]).toMatch(/<caption>.*<th scope="col".*<th scope="row"/s);
    }
    const plots = parts.plots ?? '';
    expect(
      plots.match(/<svg[^>]*role="img" aria-labelledby="[\w-]+" aria-describedby="[\w-]+"><desc/g),
    ).toHaveLength(4);
    expect(plots.match(/<tbody>/g)).toHaveLength(4);
    // The policy refuses inline styles.
    expect(Object.values(parts).join('')).not.toContain('style=');
  });

  it('tell how far a file is: done, failed, down or waiting', () => {
    const ways = createWays(['mirror', 'offsite', 'file manager']);
    ways.uploaded('output/a', 2048, 100, NOW_MS);
    ways.recorded('output/a', 'v1', 2048, NOW_MS + 900);
    ways.failed('output/a', 'file manager', '503 to saveToDisk');
    const [mirror, offsite] = rightSnapshot().destinations;
    if (mirror === undefined || offsite === undefined) throw new Error('there are two destinations');
    const { ways: html } = partsOf(
      rightSnapshot({ ways: ways.all(), destinations: [mirror, { ...offsite, gate: 'down' }] }),
      [],
    );
    const cells = (html ?? '').replaceAll(/<\/t[dh]>/g, '|').replaceAll(/<[^>]*>/g, '');
    expect(cells).toContain(
      'uploaded|2.0 KiB|✓ 0.1 s|✓ 1.0 s|… waits|✗ down|✗ 503 to saveToDisk, later again|… on its way|',
    );
  });
});

describe('a plot', () => {
  it('keeps within its box, also of one point and of large numbers', () => {
    for (const points of [
      [[NOW_MS, 0]],
      [[NOW_MS, 7]],
      [
        [NOW_MS, 3],
        [NOW_MS + 1000, 123_456_789],
      ],
    ] as [number, number][][]) {
      const html = figureOf({ id: 'p', title: 'T', format: String, lines: [{ name: 'a', points }] });
      const path = /<path class="line s1" d="(M[^"]+)"\/><\/svg>/.exec(html)?.[1] ?? '';
      const numbers = path.match(/-?[\d.]+/g)?.map(Number) ?? [];
      expect(numbers).toHaveLength(points.length * 2);
      for (const [index, number] of numbers.entries()) {
        expect(number).toBeGreaterThanOrEqual(0);
        expect(number).toBeLessThanOrEqual(index % 2 === 0 ? 640 : 170);
      }
    }
  });
});

describe('the server of the page', () => {
  const done: string[] = [];
  const actions: Actions = {
    run: (action) => {
      if (action !== 'drop') return undefined;
      done.push(action);
      return Promise.resolve('dropped');
    },
    buttons: () => ({ drop: { action: 'drop', label: 'Drop' } }),
  };
  let server: LiveServer | undefined;
  afterEach(() => server?.stop());

  async function start(parts: () => Record<string, string> = () => ({ verdict: 'fine' })) {
    done.length = 0;
    server = await startLiveServer({
      ...{ parts, actions },
      onInterest: () => {},
      nowMs: () => NOW_MS,
    });
    const { url } = server;
    const origin = url.slice(0, -1);
    const token = /name="sluice-token" content="([\w-]+)"/.exec(await (await fetch(url)).text())?.[1] ?? '';
    return { running: server, url, origin, token };
  }

  /** Of an HTTP client that may say anything, as no browser lets a page do. */
  function ask(url: string, method: string, headers: Record<string, string>): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const asking = request(url, { method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asking.once('error', reject).end();
    return promise;
  }

  it('does what the page itself asks for', async () => {
    const { url, origin, token } = await start();
    const headers = { origin, 'x-sluice-token': token, 'sec-fetch-site': 'same-origin' };
    expect(await ask(`${url}do/drop`, 'POST', headers)).toBe(200);
    expect(done).toEqual(['drop']);
    expect(await ask(`${url}do/else`, 'POST', headers)).toBe(404);
  });

  it.each<[who: string, headers: (origin: string, token: string) => Record<string, string>]>([
    ['another site', (_, token) => ({ origin: 'http://evil.example', 'x-sluice-token': token })],
    ['another port of this host', (_, token) => ({ origin: 'http://127.0.0.1:1', 'x-sluice-token': token })],
    ['a page without an origin', (_, token) => ({ origin: 'null', 'x-sluice-token': token })],
    ['one that does not say who it is', (_, token) => ({ 'x-sluice-token': token })],
    ['one without the token', (origin) => ({ origin })],
    ['one with another token', (origin, token) => ({ origin, 'x-sluice-token': token.replace(/^./, '~') })],
    [
      'another site, as the browser says',
      (origin, token) => ({ origin, 'x-sluice-token': token, 'sec-fetch-site': 'same-site' }),
    ],
  ])('refuses a POST of %s and does nothing', async (_, headers) => {
    const { url, origin, token } = await start();
    expect(await ask(`${url}do/drop`, 'POST', headers(origin, token))).toBe(403);
    expect(done).toEqual([]);
  });

  it('refuses a host name that is not its own, which a name server could point here', async () => {
    const { url, origin, token } = await start();
    expect(await ask(url, 'GET', { host: 'evil.example' })).toBe(421);
    const headers = { host: 'evil.example', origin, 'x-sluice-token': token };
    expect(await ask(`${url}do/drop`, 'POST', headers)).toBe(421);
    expect(done).toEqual([]);
  });

  it('allows its own style and script and nothing else', async () => {
    const { url } = await start();
    const policy = (await fetch(url)).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-[^']+';/);
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it('sends a new page everything, and then only what has changed', async () => {
    let parts = { verdict: 'fine', tiles: 'one' };
    const { running, url } = await start(() => parts);
    expect(running.isWatched()).toBe(false);
    const answer = await fetch(`${url}events`);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const next = async () => {
      let text = '';
      while (!text.includes('data: ') || !text.endsWith('\n\n')) text += (await reader?.read())?.value ?? '';
      return JSON.parse(text.split('data: ')[1] ?? '') as { parts: unknown };
    };
    expect((await next()).parts).toEqual({ verdict: 'fine', tiles: 'one' });
    expect(running.isWatched()).toBe(true);
    parts = { verdict: 'fine', tiles: 'two' };
    running.push();
    expect((await next()).parts).toEqual({ tiles: 'two' });
    await reader?.cancel();
    await expect.poll(running.isWatched).toBe(false);
  });
});
