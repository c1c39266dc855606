import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { createCdn } from '#adapters/cdn-cloudfront.ts';
import { fixedCredentials } from '#adapters/s3/credentials.ts';
import { cdnEndpoint, invalidationsOf, newDistribution } from '../doubles/distribution.ts';

const credentials = fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' });

function cdnOf(distribution: string, endpoint = cdnEndpoint()) {
  const cdn = createCdn({ distribution, endpoint, credentials });
  onTestFinished(() => cdn.close());
  return cdn;
}

/** Answers every request as CloudFront does when it refuses. */
async function refusing(status: number, code: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'text/xml' });
    response.end(
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
    );
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    });
  });
}

it('asks for the paths as they are, once for one reference', async () => {
  const distribution = await newDistribution();
  const cdn = cdnOf(distribution);
  const paths = ['/a%20b', '/c/*', '/caf%C3%A9'];
  const reference = randomUUID();
  await cdn.invalidate(paths, reference);
  await cdn.invalidate(paths, reference);
  expect(await invalidationsOf(distribution)).toEqual([paths]);
  await cdn.invalidate(paths, randomUUID());
  expect(await invalidationsOf(distribution)).toHaveLength(2);
});

it('names a distribution that is not there, and what to do', async () => {
  await expect(cdnOf('E000').invalidate(['/a'], 'r')).rejects.toMatchObject({
    message: expect.stringContaining('CreateInvalidation E000: NoSuchDistribution'),
    retryable: false,
    hint: expect.stringContaining('Correct the id'),
  });
});

it.each([
  [400, 'TooManyInvalidationsInProgress', true],
  [400, 'Throttling', true],
  [400, 'InvalidArgument', false],
  [403, 'AccessDenied', false],
])('says whether it is worth another try: %i %s', async (status, code, retryable) => {
  const cdn = cdnOf('E1', await refusing(status, code));
  await expect(cdn.invalidate(['/a'], 'r')).rejects.toMatchObject({ code, retryable });
});

it('takes an endpoint that cannot be reached for worth another try', async () => {
  await expect(cdnOf('E1', 'http://127.0.0.1:9').invalidate(['/a'], 'r')).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    retryable: true,
  });
});
