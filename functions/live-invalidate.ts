/** The content delivery network. */
import { createCdn } from '#adapters/cdn-cloudfront.ts';
import { requiredText } from './environment.ts';
import { env, once } from './live.ts';

export const liveCdn = once(() => {
  const endpoint = env.AWS_ENDPOINT_URL;
  return createCdn({
    distribution: requiredText(env, 'distribution'),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
});
