import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { importCommand } from '../../edge-agent/import.ts';

const SYNCD = 'aws_access_key=AKID\naws_secret_key=canary/1\nlocal_dir=/srv/docs\nbucket_name=b\n';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-import-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

function run(...args: string[]): { code: number; out: string; err: string } {
  const said = { out: '', err: '' };
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said.out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.err += text;
    return true;
  });
  return { code: importCommand(args), ...said };
}

function fileOf(text: string): string {
  const file = join(directory, 'old');
  writeFileSync(file, text);
  return file;
}

it('prints commented YAML on stdout and what is left to do on stderr', () => {
  const { code, out, err } = run(
    'signstash',
    fileOf('MINIO_ENDPOINT=minio:9000\nMINIO_SECRET_KEY=canary/1\n'),
  );
  expect(code).toBe(0);
  // As `init` writes it, and as `schema` is told to be kept.
  expect(out).toMatch(/^# yaml-language-server: \$schema=agent\.schema\.json\n# Imported from signstash/);
  expect(out).toContain('sluice-agent schema > agent.schema.json');
  expect(out).toContain('    # How often input/ is listed: SYNC_INTERVAL.\n    interval: 5s\n');
  expect(parse(out)).toMatchObject({ store: { endpoint: 'http://minio:9000' } });
  expect(err).toMatch(/^note: the keys stay in the environment/);
  expect(out + err).not.toContain('canary');
});

it('says where a system goes that becomes no agent.yaml', () => {
  const { code, err } = run('s3-sync-service', fileOf(''));
  expect(code).toBe(2);
  expect(err).toContain('npm run -s ops -- import s3-sync-service');
});

it('takes the environment for signstash when no file is named', () => {
  vi.stubEnv('MINIO_BUCKET_NAME', 'from-environment');
  expect(run('signstash').out).toContain('bucket: from-environment');
  vi.stubEnv('MINIO_SECURE', 'maybe');
  const { code, out, err } = run('signstash');
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toBe('environment: MINIO_SECURE: found "maybe", expected true or false\n');
});

it('writes the keys of syncd to a file for the owner alone, and prints only its name', () => {
  const keys = join(directory, 'keys');
  const { code, out, err } = run('syncd', fileOf(SYNCD), '--credentials', keys);
  expect(code).toBe(0);
  expect(parse(out).store.credentials).toEqual({ file: keys });
  expect(out + err).not.toContain('canary');
  expect(readFileSync(keys, 'utf8')).toBe(
    '[default]\naws_access_key_id = AKID\naws_secret_access_key = canary/1\n',
  );
  expect(statSync(keys).mode & 0o777).toBe(0o600);
});

it('never writes keys over a file, and then imports nothing', () => {
  const keys = join(directory, 'keys');
  writeFileSync(keys, 'precious');
  const { code, out, err } = run('syncd', fileOf(SYNCD), '--credentials', keys);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain('it exists already, and is left as it is');
  expect(readFileSync(keys, 'utf8')).toBe('precious');
});

it.each([
  [[], 'which SYSTEM?'],
  [['robocopy'], 'robocopy is no SYSTEM: there are signstash, file-sync-service, syncd, relic'],
  [['rsync'], 'rsync is no SYSTEM: did you mean syncd?'],
  [['syncd'], 'syncd needs its configuration FILE'],
  [['signstash', 'a', 'b'], 'b is too much'],
  [['signstash', '--credentials', 'x'], '--credentials is for syncd'],
  [['signstash', '--verbose'], "Unknown option '--verbose'"],
  [['signstash', '/nonexistent/env'], '/nonexistent/env: ENOENT'],
])('refuses %j with exit code 2, and says why', (args, why) => {
  const { code, out, err } = run(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(`sluice-agent import: ${why}`);
  // What to do about it.
  expect(err).toContain('import --help tells');
});

it('answers as JSON when asked: the settings, what is left to do, and no key', () => {
  const { code, out, err } = run('syncd', fileOf(SYNCD), '--credentials', join(directory, 'keys'), '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const { settings, notes } = JSON.parse(out);
  expect(settings.store).toMatchObject({ bucket: 'b', credentials: { file: join(directory, 'keys') } });
  expect(notes.length).toBeGreaterThan(0);
  expect(out).not.toContain('canary');
});
