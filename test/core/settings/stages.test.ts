import { expect, test } from 'vitest';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { readSettings } from '#core/settings/settings-file.ts';
import { settingsOfStage } from '#core/settings/stages.ts';

const FILE = `
name: sluice
hub: { noncurrentVersions: 90d }
destinations: [{ name: copy, bucket: a-copy }]
stages:
  dev:
    name: sluice-dev
    removal: destroy
    destinations: []
  prod:
    hub: { bucket: the-hub }
`;
const read = (stage?: string) =>
  readSettings(deploymentSettings, 'sluice.yaml', FILE, {}, (value) => settingsOfStage(value, stage));

test('a stage is laid over what is common: mappings into each other, lists in place of each other', () => {
  expect(read('dev')).toMatchObject({
    settings: {
      name: 'sluice-dev',
      removal: 'destroy',
      destinations: [],
      hub: { noncurrentVersions: 7_776_000_000 },
    },
  });
  expect(read('prod')).toMatchObject({
    settings: {
      name: 'sluice',
      removal: 'retain',
      destinations: [{ name: 'copy' }],
      hub: { bucket: 'the-hub', noncurrentVersions: 7_776_000_000 },
    },
  });
});

test('a file with stages needs one that it has', () => {
  expect(read()).toEqual({
    problems:
      'sluice.yaml: stages: found dev, prod, expected one of them to be named with npm run deploy -- -c stage=NAME',
  });
  expect(read('test')).toMatchObject({ problems: expect.stringContaining('a stage named test') });
});

test('a stage asked of a file that has none is a mistake', () => {
  expect(settingsOfStage({ name: 'sluice' }, 'dev')).toMatchObject({ problems: [{ path: 'stages' }] });
  expect(settingsOfStage({ name: 'sluice' }, undefined)).toEqual({ value: { name: 'sluice' } });
});
