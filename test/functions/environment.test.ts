import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { ENV } from '#core/names.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { destinationSchema } from '#core/settings/destination.ts';
import { fileManagerSchema, reportSchema } from '#core/settings/http-target.ts';
import { retentionRules } from '#core/settings/retention-rule.ts';
import { hubPlaceOf, namesOf, requiredText, settingOf } from '../../functions/environment.ts';

const settings = deploymentSettings.parse({
  destinations: [
    { name: 'one', bucket: 'mirror-one', deletes: false },
    {
      name: 'two',
      bucket: 'mirror-two',
      endpoint: 'https://s3.example.com',
      credentials: 'secret/two',
      deletes: false,
    },
  ],
  retention: [{ name: 'old', olderThan: '30d', tags: { done: 'yes' } }],
  report: { every: '10m', endpoints: [{ url: 'https://reports.example.com', timeout: '5s' }] },
  fileManager: { url: 'https://files.example.com', secret: 'secret/files' },
});

describe('the environment of a function', () => {
  it('gives back the settings as infra writes them', () => {
    const written = <Schema extends z.ZodMiniType>(schema: Schema, value: z.output<Schema>) =>
      JSON.stringify(z.encode(schema, value));
    for (const destination of settings.destinations) {
      const text = written(destinationSchema, destination);
      expect(settingOf({ [ENV.destination]: text }, 'destination', destinationSchema)).toEqual(destination);
    }
    const { retention, report, fileManager } = settings;
    if (fileManager === undefined) throw new Error('no file manager');
    const read = <Schema extends z.ZodMiniType>(
      name: 'retention' | 'report' | 'fileManager',
      schema: Schema,
      value: z.output<Schema>,
    ) => settingOf({ [ENV[name]]: written(schema, value) }, name, schema);
    expect(read('retention', retentionRules, retention)).toEqual(retention);
    expect(read('report', reportSchema, report)).toEqual(report);
    expect(read('fileManager', fileManagerSchema, fileManager)).toEqual(fileManager);
    expect(namesOf({ [ENV.agentNames]: 'one,two' }, 'agentNames')).toEqual(['one', 'two']);
    expect(namesOf({ [ENV.agentNames]: '' }, 'agentNames')).toEqual([]);
  });

  it('knows the hub by its name, or by its place in another store', () => {
    const place = {
      bucket: 'theirs',
      region: 'eu-1',
      endpoint: 'https://s3.example.com',
      credentials: 'secret/hub',
    };
    const environment = { [ENV.hubBucket]: 'theirs', [ENV.hubPlace]: JSON.stringify(place) };
    expect(hubPlaceOf(environment, 'us-east-1')).toEqual(place);
    expect(hubPlaceOf({ [ENV.hubBucket]: 'ours' }, 'us-east-1')).toEqual({
      bucket: 'ours',
      region: 'us-east-1',
    });
  });

  it.each([
    ['is not set', {}, /SLUICE_DESTINATION is not set/],
    ['is not JSON', { [ENV.destination]: '{' }, /SLUICE_DESTINATION is not JSON/],
    ['lacks a field', { [ENV.destination]: '{"name":"one"}' }, /SLUICE_DESTINATION is wrong: .*bucket/s],
  ])('names the variable that %s', (_what, environment, message) => {
    expect(() => settingOf(environment, 'destination', destinationSchema)).toThrow(message);
  });

  it('names a bucket that is missing', () => {
    expect(() => requiredText({}, 'hubBucket')).toThrow('SLUICE_HUB_BUCKET is not set');
  });
});
