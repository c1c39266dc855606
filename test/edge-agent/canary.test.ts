/** Secrets stay where they are: whatever the agent writes is searched for one that it was given. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { objectKey } from '#core/key.ts';
import { contentOf } from '../contracts/object-store.ts';
import { type AgentUnderTest, agentUnderTest } from './agent-process.ts';

const CANARY = 'CANARYsecret/0123456789+abcdefghijklmnop';
const TOKEN = 'CANARYtoken/9876543210+zyxwvutsrqponmlkji';

/** As it is, and as it would be in a header, a query or a dump. */
const FORMS = [CANARY, TOKEN].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
]);

function expectNoSecret(where: string, text: string): void {
  expect(text.length, `${where} says something`).toBeGreaterThan(0);
  for (const form of FORMS) expect(text.includes(form), `${where} holds ${form}`).toBe(false);
}

function change({ config }: AgentUnderTest, by: (settings: Record<string, Record<string, unknown>>) => void) {
  const settings = parse(readFileSync(config, 'utf8'));
  by(settings);
  writeFileSync(config, stringify(settings));
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve(body));
    })
      .on('error', reject)
      .end();
  });
}

async function expectNoSecretAnywhere(agent: AgentUnderTest, says: string): Promise<void> {
  const state = join(dirname(agent.config), 'state');
  writeFileSync(join(agent.folder, 'f'), 'content');
  const running = agent.start('run');
  await running.says(says);
  for (const path of ['/', '/status.json', '/metrics', '/healthz']) {
    expectNoSecret(path, await ask(join(state, 'status.sock'), path));
  }
  const told = [agent.start('status', '--json'), agent.start('check')];
  for (const { exit, output } of told) {
    await exit;
    expectNoSecret('a command', output());
  }
  running.process.kill('SIGTERM');
  expect(await running.exit).toBe(0);
  expectNoSecret('the log', running.output());
  const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.map(({ name }) => name)).toContain('index.db');
  for (const { parentPath, name } of files) {
    expectNoSecret(name, `.${readFileSync(join(parentPath, name), 'latin1')}`);
  }
}

it('a secret of the environment is in no log, status, metric, check or index of an agent that works', async () => {
  const environment = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: CANARY, AWS_SESSION_TOKEN: TOKEN };
  const agent = await agentUnderTest({ environment });
  await expectNoSecretAnywhere(agent, 'uploaded output/f');
  expect(await contentOf(agent.store, objectKey('output/f'))).toBe('content');
});

it('a secret of a credentials file is in none of them while the store is away', async () => {
  const agent = await agentUnderTest({ bucket: 'b', endpoint: 'http://127.0.0.1:9' });
  const file = join(dirname(agent.config), 'credentials');
  writeFileSync(
    file,
    `[default]\naws_access_key_id = test\naws_secret_access_key = ${CANARY}\naws_session_token = ${TOKEN}\n`,
  );
  change(agent, ({ store }) => Object.assign(store ?? {}, { credentials: { file } }));
  await expectNoSecretAnywhere(agent, 'cannot be reached');
});

it('a secret that a credential_process prints is in none of them when it fails', async () => {
  const agent = await agentUnderTest();
  const base = dirname(agent.config);
  const script = `echo '${CANARY}' >&2; echo '{"SecretAccessKey": "${TOKEN}"'; exit 1`;
  writeFileSync(join(base, 'process.sh'), `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  const file = join(base, 'credentials');
  writeFileSync(file, `[default]\ncredential_process = ${join(base, 'process.sh')}\n`);
  change(agent, ({ store }) => Object.assign(store ?? {}, { credentials: { file } }));
  await expectNoSecretAnywhere(agent, 'credential_process');
});
