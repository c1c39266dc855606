import { describe, expect, it } from 'vitest';
import { ENV } from '#core/names.ts';
import { deploymentSettings } from '#core/settings/deployment.ts';
import { destinationOf, namesOf, requiredText, retentionOf } from '../../functions/environment.ts';

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
  retention: [{ name: 'old', olderThan: '30d' }],
});

describe('the environment of a function', () => {
  it('gives back the settings as infra writes them', () => {
    for (const destination of settings.destinations) {
      expect(destinationOf({ [ENV.destination]: JSON.stringify(destination) })).toEqual(destination);
    }
    expect(retentionOf({ [ENV.retention]: JSON.stringify(settings.retention) })).toEqual(settings.retention);
    expect(namesOf({ [ENV.destinationNames]: 'one,two' }, 'destinationNames')).toEqual(['one', 'two']);
    expect(namesOf({ [ENV.destinationNames]: '' }, 'destinationNames')).toEqual([]);
  });

  it.each([
    ['is not set', {}, /SLUICE_DESTINATION is not set/],
    ['is not JSON', { [ENV.destination]: '{' }, /SLUICE_DESTINATION is not JSON/],
    ['lacks a field', { [ENV.destination]: '{"name":"one"}' }, /SLUICE_DESTINATION is wrong: .*bucket/s],
  ])('names the variable that %s', (_what, environment, message) => {
    expect(() => destinationOf(environment)).toThrow(message);
  });

  it('names a bucket that is missing', () => {
    expect(() => requiredText({}, 'hubBucket')).toThrow('SLUICE_HUB_BUCKET is not set');
  });
});
