/** What takes events from outside. */
import { secretReader } from '#adapters/secret.ts';
import { createSnsTopic } from '#adapters/topic-sns.ts';
import * as z from '#core/schema.ts';
import { createBearerCheck } from './bearer-token.ts';
import { hubPlaceOf, requiredText } from './environment.ts';
import type { IngestPorts } from './ingest.ts';
import { env, once, region } from './live.ts';

export const liveIngest = once((): Pick<IngestPorts, 'authorized' | 'topic' | 'bucket'> => {
  const secret = z.object({ token: z.string().check(z.minLength(1)) });
  const read = secretReader(requiredText(env, 'ingestToken'), secret, '{"token": "…"}');
  return {
    authorized: createBearerCheck({ readToken: async () => (await read()).token, nowMs: Date.now }),
    topic: createSnsTopic({ topicArn: requiredText(env, 'topic') }),
    bucket: hubPlaceOf(env, region).bucket,
  };
});
