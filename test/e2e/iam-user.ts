/** A user of the account with one policy and an access key, as an administrator makes one for a host. */
import { randomUUID } from 'node:crypto';
import { type Credentials, createSigner, sha256 } from '#adapters/s3/sigv4.ts';
import { parseXml } from '#adapters/s3/xml.ts';

type Answer = Readonly<Record<string, Record<string, Record<string, string>> | undefined>>;

/** Answers the credentials of a new user to whom the policy is attached, and nothing else. */
export async function userWithPolicy(
  policyArn: string,
  endpoint: string,
  root: Credentials,
): Promise<Credentials> {
  const call = (action: string, parameters: Record<string, string>) =>
    iam(action, parameters, endpoint, root);
  const UserName = `agent-${randomUUID()}`;
  await call('CreateUser', { UserName });
  await call('AttachUserPolicy', { UserName, PolicyArn: policyArn });
  const { CreateAccessKeyResult: made } = await call('CreateAccessKey', { UserName });
  const { AccessKeyId = '', SecretAccessKey = '' } = made?.AccessKey ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
}

/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html: a form, signed, and XML for an answer. */
async function iam(
  action: string,
  parameters: Record<string, string>,
  endpoint: string,
  credentials: Credentials,
): Promise<Answer> {
  const body = new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters }).toString();
  const headers = {
    host: new URL(endpoint).host,
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
  };
  const signed = createSigner('us-east-1', 'iam')(
    { method: 'POST', path: '/', query: {}, headers, payloadHash: sha256(body) },
    credentials,
    Date.now(),
  );
  const response = await fetch(endpoint, { method: 'POST', headers: signed, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${action}: ${response.status} ${text}`);
  return Object.values(parseXml(text))[0] as Answer;
}
