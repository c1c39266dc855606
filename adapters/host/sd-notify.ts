/**
 * Tells systemd how the service is: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html .
 * Node has no datagrams on unix sockets, so the three calls go to libc.
 */
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

export interface SystemdNotifier {
  /** The service has started. */
  ready(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  /**
   * Where the unit has WatchdogSec, pings twice in it for as long as the event loop turns and `check` does not throw.
   * Answers how to end that.
   */
  watch(check: () => void): () => void;
}

/** linux/socket.h and asm-generic/fcntl.h; the same numbers on x64 and arm64. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** https://man7.org/linux/man-pages/man7/unix.7.html */
const SUN_PATH_BYTES = 108;

/**
 * Does nothing where the environment has no NOTIFY_SOCKET. A message that cannot be sent is given to `onProblem`,
 * the first of a row only: the service goes on without it.
 */
export function createSystemdNotifier(
  env: Readonly<Record<string, string | undefined>>,
  onProblem: (error: Error) => void,
): SystemdNotifier {
  const { NOTIFY_SOCKET: socket = '' } = env;
  if (socket === '') return { ready() {}, status() {}, stopping() {}, watch: () => () => {} };
  const post = datagrams(socket);
  let failing = false;

  function send(message: string): void {
    const problem = post(message);
    if (problem !== undefined && !failing) onProblem(problem);
    failing = problem !== undefined;
  }

  return {
    ready: () => send('READY=1'),
    // A line break would begin another variable.
    status: (text) => send(`STATUS=${text.replace(/\p{Cc}+/gu, ' ')}`),
    stopping: () => send('STOPPING=1'),
    watch(check) {
      const everyMs = watchdogMs(env) / 2;
      if (Number.isNaN(everyMs)) return () => {};
      let unwell = false;
      const ping = () => {
        try {
          check();
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          if (!unwell) onProblem(error);
          unwell = true;
          return;
        }
        unwell = false;
        send('WATCHDOG=1');
      };
      ping();
      const timer = setInterval(ping, everyMs).unref();
      return () => clearInterval(timer);
    },
  };
}

/** https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html ; NaN when it is not enabled. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Readonly<Record<string, string | undefined>>): number {
  const forUs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  return forUs && /^[1-9]\d*$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : Number.NaN;
}

/** Never blocks: a supervisor that does not read must not stop the work. */
function datagrams(socket: string): (message: string) => Error | undefined {
  const path = Buffer.from(socket);
  // `@` stands for the NUL of the abstract namespace.
  if (path[0] === 0x40) path[0] = 0;
  if ((path[0] !== 0 && path[0] !== 0x2f) || path.length >= SUN_PATH_BYTES) {
    return () => new Error(`NOTIFY_SOCKET is neither an absolute path nor an abstract name: ${socket}`);
  }
  const address = Buffer.concat([Buffer.alloc(2), path, Buffer.alloc(path[0] === 0 ? 0 : 1)]);
  address.writeUInt16LE(AF_UNIX);
  const libc = koffi.load(null);
  const open = libc.func('int socket(int domain, int type, int protocol)');
  const sendTo = libc.func(
    'intptr_t sendto(int fd, const uint8_t *message, size_t bytes, int flags, const uint8_t *to, uint32_t toBytes)',
  );
  const close = libc.func('int close(int fd)');
  return (message) => {
    const fd: number = open(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd === -1) return failed('socket', koffi.errno());
    const bytes = Buffer.from(message);
    const sent = Number(
      sendTo(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, address, address.length),
    );
    const errno = koffi.errno();
    close(fd);
    return sent === bytes.length ? undefined : failed('sendto', errno);
  };
}

function failed(call: string, errno: number): Error {
  return new Error(`systemd cannot be told: ${call}: ${getSystemErrorName(-errno)}`);
}
