/** The socket under a connection, plain or TLS. */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Place {
  host: string;
  port: number;
  tls: boolean;
}

/** All sockets read into it, one after the other: what outlives the callback must be copied. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Connects; nothing may be written before `connect`, or `secureConnect` with TLS, when the server has proved who it is.
 *
 * @param onBytes what was read; false: no more until `resume`
 */
export function openSocket({ host, port, tls }: Place, onBytes: (bytes: Buffer) => boolean): Socket {
  const onread = { buffer: shared, callback: (count: number) => onBytes(shared.subarray(0, count)) };
  const common = { host, port, keepAlive: true, noDelay: true, onread };
  if (!tls) return connectPlain(common);
  const secure = {
    ...common,
    // An address is no server name: https://www.rfc-editor.org/rfc/rfc6066#section-3
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    // Given here, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise hand signatures and bytes to anybody.
    rejectUnauthorized: true,
  };
  return connectTls(secure);
}
