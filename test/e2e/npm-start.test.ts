/** `npm start` as a person meets it: the live page in a real browser, while everything runs. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type LocalProgram, startLocalProgram } from './local-program.ts';
import { PAGE_FAULTS } from './page-faults.ts';

const SOON = { timeout: 60_000, interval: 200 };

let base: string;
let folder: string;
let program: LocalProgram;
let url: string;
let browser: Browser;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'sluice-start-'));
  folder = join(base, 'files');
  program = startLocalProgram('start.ts', ['--port', '0', '--folder', folder]);
  url = (await program.says(/^page: (\S+)$/m))[1] ?? '';
  await program.says(/Press r for/);
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    // One process for all would end with the first page; and the page's own policy is what is tried.
    args: chromium.args.filter((one) => one !== '--single-process' && one !== '--disable-web-security'),
    headless: true,
  });
});
afterAll(async () => {
  await browser?.close();
  program?.process.kill('SIGKILL');
  const [, port] = program?.output().match(/^endpoint: \S+:(\d+)$/m) ?? [];
  if (port !== undefined) {
    const runDir = join(import.meta.dirname, `../../.sluice/local/port-${port}`);
    await rm(runDir, { recursive: true, force: true });
  }
  await rm(base, { recursive: true, force: true });
});

async function open(colorScheme: 'light' | 'dark' = 'light', width = 1280) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const foreign: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  await page.goto(url);
  const text = (selector: string) => page.locator(selector).textContent();
  await expect.poll(() => text('#part-verdict'), SOON).not.toBe('');
  return { page, complaints, foreign, text };
}

it('shows a file on its way and everywhere, whatever it is called, without being loaded again', async () => {
  const { page, complaints, foreign, text } = await open();
  await page.evaluate('window.stayed = true');
  const name = `<img src=x onerror="window.hurt=1"> & 'quotes'.txt`;
  await writeFile(join(folder, 'output', name), 'hello');
  const row = page.locator('#part-ways tbody tr', { hasText: name });
  await expect.poll(() => row.count(), SOON).toBe(1);
  const done = async () => (await row.locator('td').allTextContents()).filter((cell) => cell.startsWith('✓'));
  // Hub, ledger, two destinations, file manager, CDN, and so everywhere.
  await expect.poll(done, SOON).toHaveLength(7);
  await expect.poll(() => text('#part-verdict'), SOON).toContain('Everything is right.');
  await expect.poll(() => text('#part-news'), SOON).toContain(name);
  expect(await page.evaluate('[window.stayed, window.hurt]')).toEqual([true, undefined]);
  expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
});

it('can be worked by keyboard alone: a destination is broken, the page says so, and it is restored', async () => {
  const { page, text } = await open();
  const focused = () =>
    page.evaluate<string>('document.activeElement.id || document.activeElement.className');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('skip');
  expect((await page.locator('.skip').boundingBox())?.x).toBeGreaterThanOrEqual(0);
  await page.keyboard.press('Enter');
  const order: string[] = [];
  for (const _ of ['drop', 'destination']) {
    await page.keyboard.press('Tab');
    order.push(await focused());
  }
  expect(order).toEqual(['drop', 'destination']);
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  expect(outline).toBe('solid');

  await page.keyboard.press('Space');
  await expect.poll(() => text('#destination'), SOON).toBe('Restore offsite');
  await expect.poll(() => text('#part-verdict'), SOON).toContain('The destination offsite is down.');
  await expect.poll(() => text('#part-detail'), SOON).toContain('Restore it with the button.');
  expect(await focused()).toBe('destination');
  await page.keyboard.press('Space');
  await expect.poll(() => text('#destination'), SOON).toBe('Break offsite');
  await expect.poll(() => text('#part-verdict'), SOON).not.toContain('offsite is down');
});

it('ends the agent hard and starts it again; what is dropped meanwhile goes afterwards', async () => {
  const { page, text } = await open();
  await expect.poll(() => text('#part-detail'), SOON).toMatch(/^\d+ objects?, each verified/);
  const before = Number.parseInt((await text('#part-detail')) ?? '', 10);
  await page.locator('#agent').click();
  await expect.poll(() => text('#said'), SOON).toContain('SIGKILL');
  await expect.poll(() => text('#part-verdict'), SOON).toContain('The agent does not run.');
  await expect.poll(() => text('#part-places'), SOON).toContain('does not run');
  expect(program.output()).toContain('page     The agent was ended hard');
  await page.locator('#drop').click();
  await expect.poll(() => text('#said'), SOON).toContain('5 files were dropped');
  const dropped = async () =>
    (await readdir(join(folder, 'output'), { recursive: true })).filter((name) => name.endsWith('.txt'))
      .length;
  expect(await dropped()).toBe(5);
  await page.locator('#agent').click();
  await expect.poll(dropped, SOON).toBe(0);
  // Also of what was dropped: the page may look before the ledger has heard of it, and find that all is right.
  await expect
    .poll(() => text('#part-detail'), SOON)
    .toMatch(new RegExp(`^${before + 5} objects, each verified`));
  await expect.poll(() => text('#part-verdict'), SOON).toContain('Everything is right.');
  // The page of the agent that runs now, not of the one before.
  const [, address] = [...program.output().matchAll(/ status page (\S+)/g)].at(-1) ?? [];
  await expect.poll(() => text('#part-places'), SOON).toContain(`http://${address}/`);
});

it.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 360],
] as const)('can be read by everybody, by %s at %i pixels', async (scheme, width) => {
  const { page } = await open(scheme, width);
  expect(await page.evaluate<string[]>(PAGE_FAULTS)).toEqual([]);
  const target = process.env.SLUICE_SCREENSHOT_DIR;
  if (target === undefined) return;
  await page.screenshot({ path: join(target, `start-${scheme}-${width}.png`), fullPage: true });
});

it('leads to the page of the agent, whose words stay whole where the window is narrower than its table', async () => {
  const { page } = await open('light', 1000);
  await page.locator('#part-places a').last().click();
  await page.waitForURL((at) => !at.href.startsWith(url));
  const widths = await page.locator('td.text').evaluateAll((cells) => cells.map((cell) => cell.clientWidth));
  expect(widths.length).toBeGreaterThanOrEqual(4);
  expect(Math.min(...widths)).toBeGreaterThan(100);
});

it('shows what waits for a file manager that fails, and that its breaker is open', async () => {
  const { page, text } = await open();
  await page.locator('#files').click();
  await expect.poll(() => text('#part-verdict'), SOON).toContain('The file manager fails.');
  // More failures in a row than the breaker takes.
  await page.locator('#drop').click();
  await expect.poll(() => text('#said'), SOON).toContain('5 files were dropped');
  await expect.poll(() => text('#part-ways'), SOON).toContain('503 to');
  await expect.poll(() => text('#part-detail'), SOON).toContain('Waiting: 5 for the file manager.');
  await expect.poll(() => text('#part-verdict'), SOON).toContain('The breaker is open');
  await page.locator('#files').click();
  await expect.poll(() => text('#part-verdict'), SOON).not.toContain('The file manager fails.');
});

it('says on the page when npm start is gone, and q ends everything in order', async () => {
  const { text } = await open();
  program.process.stdin?.write('q');
  expect(await program.exit, program.output()).toBe(0);
  await expect.poll(() => text('#connection'), SOON).toContain('what is shown is old');
});
