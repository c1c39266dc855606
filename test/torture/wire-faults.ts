/** Everything that a store, or what stands before it, has been seen to do to a client. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Exchange, Outcome } from './wire-proxy.ts';

export interface WireFault {
  fits(exchange: Exchange): boolean;
  /** @param pass to the store, with another body if that is the fault */
  apply(exchange: Exchange, pass: (body?: Buffer) => Promise<Answer>): Promise<Outcome>;
}

const STALL_MS = 5_000;
const DRIP_MS = 50;
const any = () => true;
const writes = ({ method, body }: Exchange) => method === 'PUT' && body.length > 0;
const reads = ({ method, target }: Exchange) => method === 'GET' && !target.includes('list-type');
const lists = ({ method, target }: Exchange) => method === 'GET' && target.includes('list-type');
const XML = { 'content-type': 'application/xml' };

function errorBody(code: string): Buffer {
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
  );
}

function refusal(status: number, code: string): WireFault {
  return { fits: any, apply: async () => ({ status, headers: XML, body: errorBody(code) }) };
}

function flipped({ random }: Exchange, body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

export const WIRE_FAULTS: Record<string, WireFault> = {
  'slow-down': refusal(503, 'SlowDown'),
  'internal-error': refusal(500, 'InternalError'),
  'access-denied': refusal(403, 'AccessDenied'),
  'expired-token': refusal(400, 'ExpiredToken'),
  'bad-gateway': {
    fits: any,
    apply: async () => ({
      status: 502,
      headers: { 'content-type': 'text/html' },
      body: Buffer.from('<html>no</html>'),
    }),
  },
  reset: { fits: any, apply: async () => ({ cut: true }) },
  'lost-reply': {
    fits: any,
    async apply(_, pass) {
      await pass();
      return { cut: true };
    },
  },
  'ok-with-error': {
    fits: ({ method }) => method === 'PUT' || method === 'POST',
    apply: async () => ({ status: 200, headers: XML, body: errorBody('InternalError') }),
  },
  'ok-and-nothing': {
    fits: ({ method }) => method === 'PUT' || method === 'POST',
    apply: async () => ({ status: 200, headers: {}, body: Buffer.alloc(0) }),
  },
  'corrupt-up': {
    fits: writes,
    apply: async (exchange, pass) => await pass(flipped(exchange, exchange.body)),
  },
  'corrupt-down': {
    fits: reads,
    async apply(exchange, pass) {
      const answer = await pass();
      return answer.body.length === 0 ? answer : { ...answer, body: flipped(exchange, answer.body) };
    },
  },
  truncate: {
    fits: reads,
    async apply({ random }, pass) {
      const answer = await pass();
      return { cut: true, answer, bytes: random.below(answer.body.length + 1) };
    },
  },
  'truncate-unseen': {
    fits: reads,
    async apply({ random }, pass) {
      const { status, headers, body } = await pass();
      const { 'content-length': _, ...rest } = headers;
      // Delimited by its end alone, so that HTTP sees nothing amiss.
      return {
        status,
        headers: { ...rest, connection: 'close' },
        body: body.subarray(0, random.below(body.length + 1)),
      };
    },
  },
  'wrong-etag': {
    fits: ({ method }) => method === 'PUT' || method === 'HEAD',
    async apply(_, pass) {
      const answer = await pass();
      return { ...answer, headers: { ...answer.headers, etag: '"00000000000000000000000000000000"' } };
    },
  },
  'wrong-checksum': {
    fits: ({ method }) => method === 'PUT' || method === 'HEAD' || method === 'GET',
    async apply(_, pass) {
      const answer = await pass();
      return { ...answer, headers: { ...answer.headers, 'x-amz-checksum-crc32': 'AAAAAA==' } };
    },
  },
  'wrong-size': {
    fits: ({ method }) => method === 'HEAD',
    async apply(_, pass) {
      const answer = await pass();
      return { ...answer, headers: { ...answer.headers, 'content-length': '1' } };
    },
  },
  'same-page-again': {
    fits: lists,
    async apply(_, pass) {
      const answer = await pass();
      const text = String(answer.body)
        .replace('<IsTruncated>false</IsTruncated>', '<IsTruncated>true</IsTruncated>')
        .replace(
          '</ListBucketResult>',
          '<NextContinuationToken>again</NextContinuationToken></ListBucketResult>',
        );
      return unsized({ ...answer, body: Buffer.from(text) });
    },
  },
  'empty-list': {
    fits: lists,
    async apply(_, pass) {
      const answer = await pass();
      // A proxy's own page, and not XML at all.
      return unsized({ ...answer, body: Buffer.from('<html><body>Please log in</body></html>') });
    },
  },
  stall: {
    fits: any,
    async apply() {
      await delay(STALL_MS);
      return { cut: true };
    },
  },
  drip: { fits: reads, apply: async (_, pass) => ({ drip: await pass(), delayMs: DRIP_MS }) },
};

function unsized({ status, headers, body }: Answer): Answer {
  const { 'content-length': _, ...rest } = headers;
  return { status, headers: rest, body };
}
