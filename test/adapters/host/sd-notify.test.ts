import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { createSystemdNotifier } from '#adapters/host/sd-notify.ts';

/** What systemd is to a service: a datagram socket that it reads. */
const RECEIVER = `
import json, socket, sys
name = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind('\\0' + name[1:] if name[0] == '@' else name)
print('"bound"', flush=True)
while True:
    print(json.dumps(receiver.recv(4096).decode()), flush=True)
`;

async function receiver(name: string): Promise<{ messages: string[] }> {
  const child = spawn('python3', ['-c', RECEIVER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const messages: string[] = [];
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  lines.on('line', (line) => messages.push(JSON.parse(line)));
  return { messages };
}

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-notify-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'notify');
}

const unexpected = (error: Error) => {
  throw error;
};

it.each([
  ['a path', socketPath],
  ['an abstract name', () => `@sluice-${randomUUID()}`],
])('tells systemd by datagrams to %s that it is ready, how it is, and that it stops', async (_, nameOf) => {
  const name = nameOf();
  const { messages } = await receiver(name);
  const systemd = createSystemdNotifier({ NOTIFY_SOCKET: name }, unexpected);
  systemd.ready();
  systemd.status('2 folders, größe\nMAINPID=1');
  systemd.stopping();
  await expect.poll(() => messages).toEqual(['READY=1', 'STATUS=2 folders, größe MAINPID=1', 'STOPPING=1']);
});

it('feeds the watchdog only while all is well, and again afterwards', async () => {
  const name = socketPath();
  const { messages } = await receiver(name);
  const problems: string[] = [];
  const systemd = createSystemdNotifier(
    { NOTIFY_SOCKET: name, WATCHDOG_USEC: '20000', WATCHDOG_PID: String(process.pid) },
    ({ message }) => problems.push(message),
  );
  let checks = 0;
  let broken = false;
  const stop = systemd.watch(() => {
    checks++;
    if (broken) throw new Error('the index does not answer');
  });
  onTestFinished(stop);
  await expect.poll(() => messages.length).toBeGreaterThan(2);
  expect(new Set(messages)).toEqual(new Set(['WATCHDOG=1']));

  broken = true;
  const fromHere = checks;
  await expect.poll(() => checks).toBeGreaterThan(fromHere + 3);
  systemd.status('marker');
  await expect.poll(() => messages.at(-1)).toBe('STATUS=marker');
  const pinged = messages.length;
  await expect.poll(() => checks).toBeGreaterThan(fromHere + 6);
  systemd.status('marker 2');
  await expect.poll(() => messages.at(-1)).toBe('STATUS=marker 2');
  expect(messages).toHaveLength(pinged + 1);
  expect(problems).toEqual(['the index does not answer']);

  broken = false;
  await expect.poll(() => messages.at(-1)).toBe('WATCHDOG=1');
  stop();
  const atStop = checks;
  systemd.status('marker 3');
  await expect.poll(() => messages.at(-1)).toBe('STATUS=marker 3');
  expect(checks).toBe(atStop);
});

it.each([
  ['there is no watchdog', {}],
  ['the watchdog is for another process', { WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' }],
  ['its time is no number', { WATCHDOG_USEC: 'soon' }],
])('asks for no health when %s', (_, environment) => {
  const systemd = createSystemdNotifier({ NOTIFY_SOCKET: '/nowhere', ...environment }, unexpected);
  systemd.watch(() => {
    throw new Error('asked');
  })();
});

it('is silent where systemd did not start it', () => {
  const systemd = createSystemdNotifier({ WATCHDOG_USEC: '20000' }, unexpected);
  systemd.ready();
  systemd.status('x');
  systemd.stopping();
  systemd.watch(() => unexpected(new Error('asked')))();
});

it.each([
  ['is gone', '/nonexistent/notify', /sendto: ENOENT/],
  ['is a vsock address', 'vsock:2:1234', /neither an absolute path nor an abstract name/],
  ['is too long for a socket', `/${'x'.repeat(200)}`, /neither an absolute path/],
])('says once when the socket %s, and goes on', (_, name, message) => {
  const problems: Error[] = [];
  const systemd = createSystemdNotifier({ NOTIFY_SOCKET: name }, (error) => problems.push(error));
  systemd.ready();
  systemd.stopping();
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toMatch(message);
});
