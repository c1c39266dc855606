import { describe, expect, it } from 'vitest';
import { agentSettings } from '#core/settings/agent.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { parseDurationMs } from '#core/settings/duration.ts';
import { readSettings } from '#core/settings/settings-file.ts';

const minimal = 'store: {bucket: hub}\nfolders: [{name: out, path: /srv/out, prefix: out/}]\n';

function problemsOf(schema: typeof agentSettings | typeof deploymentSettings, text: string): string {
  const result = readSettings(schema, 'x.yaml', text, {});
  return 'problems' in result ? result.problems : '';
}

describe('agent.yaml', () => {
  it('needs only a bucket and a folder', () => {
    expect(readSettings(agentSettings, 'agent.yaml', minimal, {})).toMatchObject({
      settings: { rescan: 300_000, limits: { concurrency: 64 }, folders: [{ mode: 'move', settle: 2000 }] },
    });
  });

  it('says what is expected in the words of the setting, also where nothing or another type was found', () => {
    const text =
      'store: [hub]\nrescan: 5\nfolders: [{name: out, retention: {}, deletes: maybe}, 7]\nlimits: {concurrency: many}';
    expect(problemsOf(agentSettings, text).split('\n').toSorted()).toEqual([
      'x.yaml: folders[0].deletes: found "maybe", expected true or false',
      'x.yaml: folders[0].path: found nothing, expected an absolute path',
      'x.yaml: folders[0].prefix: found nothing, expected empty, or a prefix that ends with / and does not start with it',
      'x.yaml: folders[0].retention.olderThan: found nothing, expected a duration such as 30s, 5m, 1h or 30d',
      'x.yaml: folders[1]: found 7, expected settings below it',
      'x.yaml: limits.concurrency: found "many", expected a number',
      'x.yaml: rescan: found 5, expected a duration such as 30s, 5m, 1h or 30d',
      'x.yaml: store: found ["hub"], expected settings below it',
    ]);
  });

  it('reports every problem at once, with key, found and expected', () => {
    const text =
      'store: {buckte: hub, endpoint: ftp://x}\nrescan: soon\nfolders: [{name: Out, path: srv, prefix: out}]';
    const lines = problemsOf(agentSettings, text).split('\n');
    expect(lines).toContain(
      'x.yaml: store.bucket: found nothing, expected the name of a bucket alone, such as my-hub',
    );
    expect(lines).toContain(
      'x.yaml: store.buckte: found an unknown setting, expected bucket (did you mean that?)',
    );
    expect(lines).toContain(
      'x.yaml: store.endpoint: found "ftp://x", expected a URL such as https://minio.example:9000',
    );
    expect(lines).toContain('x.yaml: rescan: found "soon", expected a duration such as 30s, 5m, 1h or 30d');
    expect(lines).toContain('x.yaml: folders[0].path: found "srv", expected an absolute path');
    expect(lines).toHaveLength(7);
  });

  it('lets the environment override what is not in a list', () => {
    const environment = {
      SLUICE_STORE_BUCKET: 'other',
      SLUICE_LIMITS_CONCURRENCY: '3',
      SLUICE_STATE_DIRECTORY: '/s',
    };
    expect(readSettings(agentSettings, 'agent.yaml', minimal, environment)).toMatchObject({
      settings: { store: { bucket: 'other' }, limits: { concurrency: 3 }, stateDirectory: '/s' },
    });
  });

  it('blames the environment for what is wrong in it, by the name of the variable', () => {
    const environment = {
      SLUICE_LIMITS_CONCURRENCY: '[',
      SLUICE_LOG_LEVEL: 'foo',
      SLUICE_STORE_BUKET: 'x',
      SLUICE_LIMITS_BANDWIDTH: '',
      SLUICE_CDN_DISTRIBUTION: '',
    };
    const result = readSettings(agentSettings, 'agent.yaml', `${minimal}rescan: soon\n`, environment);
    expect('problems' in result && result.problems.split('\n').toSorted()).toEqual([
      'agent.yaml: rescan: found "soon", expected a duration such as 30s, 5m, 1h or 30d',
      'environment: SLUICE_CDN_DISTRIBUTION: found "", expected at least 1 character',
      'environment: SLUICE_LIMITS_BANDWIDTH: found null, expected a number',
      expect.stringMatching(
        /^environment: SLUICE_LIMITS_CONCURRENCY: found "\[", expected YAML: Flow sequence/,
      ),
      'environment: SLUICE_LOG_LEVEL: found "foo", expected one of "DEBUG", "INFO", "WARN", "ERROR"',
      'environment: SLUICE_STORE_BUKET: found an unknown setting, expected SLUICE_STORE_BUCKET (did you mean that?)',
    ]);
  });

  it.each([
    'SLUICE_CONFIG',
    'SLUICE_SETTINGS',
    'SLUICE_STAGE',
    'SLUICE_STACK',
    'SLUICE_HISTORIES',
    'SLUICE_TEST_ENDPOINT',
    'SLUICE_PORT',
    'SLUICE_SERVICE_HOST',
    'SLUICE_STORE_TOKEN',
  ])('leaves a variable alone that is no setting: %s', (variable) => {
    for (const [schema, text] of [
      [agentSettings, minimal],
      [deploymentSettings, ''],
    ] as const) {
      expect(readSettings(schema, 'x.yaml', text, { [variable]: 'x' })).toHaveProperty('settings');
    }
  });

  it('leaves a variable alone that the file names itself', () => {
    const credentials = '{accessKeyVariable: SLUICE_STORE_BUKET, secretKeyVariable: KEY}';
    const text = minimal.replace('{bucket: hub', `{bucket: hub, credentials: ${credentials}`);
    const environment = { SLUICE_STORE_BUKET: 'x' };
    expect(readSettings(agentSettings, 'agent.yaml', text, environment)).toHaveProperty('settings');
  });

  it('refuses folders and prefixes that overlap', () => {
    const text = `${minimal.trim().slice(0, -1)}, {name: in, path: /srv/out/in, prefix: out/in/}]`;
    expect(problemsOf(agentSettings, text)).toContain('folders[1].path');
    expect(problemsOf(agentSettings, text)).toContain('folders[1].prefix');
  });

  it('says that a file is not YAML', () => {
    expect(problemsOf(agentSettings, 'a: [')).toMatch(/^x\.yaml: is not YAML/);
  });
});

describe('sluice.yaml', () => {
  it('is complete when empty', () => {
    expect(readSettings(deploymentSettings, 'sluice.yaml', '', {})).toMatchObject({
      settings: { name: 'sluice', destinations: [], removal: 'retain' },
    });
  });

  it('refuses a destination that is the hub, a double name and an endpoint without credentials', () => {
    const text = `hub: {bucket: hub-bucket}
destinations:
  - {name: a, bucket: hub-bucket}
  - {name: a, bucket: other, endpoint: "https://s3.example.com"}`;
    const problems = problemsOf(deploymentSettings, text);
    expect(problems).toContain('destinations[0].bucket: found "hub-bucket"');
    expect(problems).toContain(
      'destinations[1].name: found "a", expected a name that no other destination has',
    );
    expect(problems).toContain('destinations[1].credentials: found nothing');
  });

  it('refuses a retention rule that would remove the mirrored copy as well', () => {
    const text = `destinations: [{name: a, bucket: other}]
retention: [{name: old, olderThan: 30d}]`;
    expect(problemsOf(deploymentSettings, text)).toContain('a would lose its copy with the hub');
  });
});

it('reads durations and their sums', () => {
  expect(['500ms', '1h30m', '30d', '5', 'm', '1x'].map(parseDurationMs)).toEqual([
    500,
    5_400_000,
    2_592_000_000,
    undefined,
    undefined,
    undefined,
  ]);
});
