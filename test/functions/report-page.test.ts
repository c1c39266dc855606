/** The page in a real browser, which must find nothing to fetch, nothing to run, and plots that can be seen. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ReportResult } from '#core/report-result.ts';
import { type SeriesPoint, withPoint } from '#core/report-series.ts';
import { reportPage } from '../../functions/report-page.ts';
import { pointOf } from '../../functions/report-series.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 5, 15, 12);
const HOSTILE = `<script>window.hurt=1</script><img src=x onerror="window.hurt=2">"'&`;

function resultAt(ms: number, index: number): ReportResult {
  const copies = { current: 40_000 + index * 100, behind: index % 7, gone: 0, untold: 3, oldestBehindMs: 0 };
  const queue = (name: string) => ({
    name,
    waiting: (index * 13) % 40,
    inFlight: 1,
    deadLetters: index > 40 ? 2 : 0,
    busyMs: (index % 9) * 60_000,
  });
  return {
    version: 1,
    runId: `run ${HOSTILE}`,
    time: new Date(ms).toISOString(),
    stack: `sluice ${HOSTILE}`,
    changes: {
      created: index % 50,
      modified: index % 11,
      deleted: index % 5,
      permissions: index % 3,
      restated: 0,
    },
    files: { diffs: ['diff/2026-06-15.csv'], full: `state/${HOSTILE}.csv`, html: 'html/x.html' },
    state: {
      at: new Date(ms).toISOString(),
      objects: 40_000 + index * 120,
      bytes: 3.2e11 + index * 1e9,
      tombstones: 12,
      delivered: copies,
    },
    drift: { compared: 40_000, drifted: 1 },
    queues: [queue('EventReplay'), queue('MirrorOffsite'), queue(`Mirror${HOSTILE}`)],
    destinations: ['offsite', HOSTILE].map((name) => ({
      name,
      copies,
      queue: queue('MirrorOffsite'),
      held: index > 30 ? 12 : 0,
      heldReason: HOSTILE,
      reconcile: {
        runId: 'r',
        startedMs: ms,
        endedMs: ms,
        objects: 1,
        bytes: 1,
        known: 1,
        differences: 2,
        copies: 1,
        deletes: 1,
        records: 0,
        deliveries: 0,
        held: 1,
        dryRun: false,
        error: HOSTILE,
      },
    })),
    agents: ['press-hall', HOSTILE, '\u202egpj.exe'].map((name) => ({
      name,
      at: new Date(ms).toISOString(),
      ageMs: (index % 6) * 60_000,
      missing: name === HOSTILE,
      version: HOSTILE,
      folders: 2,
      queued: index % 23,
      errors: index % 4,
      heldDeletes: 0,
    })),
    errors: [`queue ${HOSTILE}: AccessDenied`],
  };
}

function sample(): { result: ReportResult; points: SeriesPoint[] } {
  let points: SeriesPoint[] = [];
  const count = 60;
  for (let index = 0; index < count; index++) {
    points = withPoint(points, pointOf(resultAt(NOW_MS - (count - 1 - index) * 6 * HOUR_MS, index)));
  }
  return { result: resultAt(NOW_MS, count - 1), points };
}

let browser: Browser;
let dir: string;
beforeAll(async () => {
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    // One process for all would end with the first page; and the page's own policy is what is tried.
    args: chromium.args.filter((one) => one !== '--single-process' && one !== '--disable-web-security'),
    headless: true,
  });
  dir = await mkdtemp(join(tmpdir(), 'sluice-page-'));
});
afterAll(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

async function open(html: string, colorScheme: 'light' | 'dark', width = 1200) {
  const file = join(dir, `${colorScheme}-${width}.html`);
  await writeFile(file, html);
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  const url = pathToFileURL(file).href;
  await page.goto(url, { waitUntil: 'load' });
  return { page, complaints, requests: requests.filter((one) => one !== url && one !== 'data:,') };
}

describe('the page', () => {
  it.each(['light', 'dark'] as const)(
    'asks for nothing, complains of nothing and shows its plots, by %s',
    async (scheme) => {
      const { result, points } = sample();
      const { page, complaints, requests } = await open(reportPage(result, points, 'Europe/Berlin'), scheme);
      expect(requests).toEqual([]);
      expect(complaints).toEqual([]);
      const plots = page.locator('figure svg[role=img]');
      expect(await plots.count()).toBe(12);
      for (const plot of await plots.all()) {
        const box = await plot.boundingBox();
        expect(box?.width).toBeGreaterThan(300);
        expect(box?.height).toBeGreaterThan(100);
        expect(await plot.locator('path').count()).toBeGreaterThan(5);
        expect(await plot.locator('title').textContent()).not.toBe('');
        expect((await plot.locator('desc').textContent())?.length).toBeGreaterThan(20);
      }
      // A line is drawn in a colour of the scheme, not in the black of a variable that is not there.
      const first = `document.querySelector('figure path[stroke="var(--s1)"]')`;
      const colour = await page.evaluate<string>(`getComputedStyle(${first}).stroke`);
      expect(colour).toBe(scheme === 'light' ? 'rgb(31, 111, 180)' : 'rgb(111, 179, 242)');
      const paper = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      expect(paper).toBe(scheme === 'light' ? 'rgb(252, 252, 251)' : 'rgb(20, 24, 26)');
      const target = process.env.SLUICE_SCREENSHOT_DIR;
      if (target !== undefined)
        await page.screenshot({ path: join(target, `${scheme}.png`), fullPage: true });
    },
  );

  it('runs nothing and builds nothing of the names that are in it', async () => {
    const { result, points } = sample();
    const html = reportPage(result, points, 'UTC');
    expect(html).not.toContain('<script');
    expect(html).not.toContain('\u202e');
    expect(html).toContain('\\u{202e}gpj.exe');
    const { page } = await open(html, 'light');
    expect(await page.evaluate<boolean>("'hurt' in window")).toBe(false);
    expect(await page.locator('script, img, iframe, object, [onerror]').count()).toBe(0);
    const cells = await page.getByRole('rowheader', { name: '<script>window.hurt' }).count();
    expect(cells).toBeGreaterThan(1);
    await expect(page.locator('h1').textContent()).resolves.toBe(`Sluice sluice ${HOSTILE}`);
  });

  it('can be read on a telephone', async () => {
    const { result, points } = sample();
    const { page } = await open(reportPage(result, points, 'UTC'), 'light', 380);
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
    // What scrolls by itself can be reached by the keyboard, and says what it is.
    const wider = await page.evaluate<{ tab: number; label: string | null }[]>(
      `[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth)
        .map((one) => ({ tab: one.tabIndex, label: one.getAttribute('aria-label') }))`,
    );
    expect(wider).toContainEqual({ tab: 0, label: 'Destinations' });
    expect(wider.filter(({ tab, label }) => tab !== 0 || label === null)).toEqual([]);
  });

  it('says what is not there yet, on the first run of an empty stack', async () => {
    const empty: ReportResult = {
      ...resultAt(NOW_MS, 0),
      stack: 'sluice',
      queues: [],
      destinations: [],
      agents: [],
      errors: [],
    };
    delete empty.state;
    const { page, complaints } = await open(reportPage(empty, withPoint([], pointOf(empty)), 'UTC'), 'light');
    expect(complaints).toEqual([]);
    const text = await page.locator('main').textContent();
    for (const said of ['not yet known', 'There are no destinations.', 'No agent has given a heartbeat.']) {
      expect(text).toContain(said);
    }
  });
});
