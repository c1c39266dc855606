/**
 * The local AWS: PyPI `ministack` in its own process group, bound to 127.0.0.1, with its state below one directory.
 * What is peculiar about it is said where each variable is set.
 */
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '#core/errors.ts';
import { type LocalCertificate, localCertificate } from './certificate.ts';
import { claimPort } from './port.ts';
import { type ProcessGroup, startProcessGroup } from './process-group.ts';
import { emulatorPython } from './python.ts';

export const LOCAL_ACCOUNT = '000000000000';
export const LOCAL_REGION = 'us-east-1';
export const DEFAULT_PORT = 4566;

const HEALTHY_WITHIN_MS = 60_000;
const PROBE_EVERY_MS = 100;
/** Long enough to save its state; it sometimes ignores SIGTERM altogether. */
const STOP_GRACE_MS = 8_000;

/** Asks Linux for a SIGTERM when the parent dies, however it dies, and becomes the emulator. */
const LEADER = [
  'import ctypes, signal, sys',
  'sys.platform == "linux" and ctypes.CDLL(None).prctl(1, signal.SIGTERM)',
  'sys.argv = ["ministack"]',
  'from ministack.app import main',
  'main()',
].join('\n');

export interface EmulatorOptions {
  projectDir: string;
  /** Where the virtual environment is; shared by all emulators of the project. */
  localDir: string;
  /** State, temporary files, certificate and log of this one. */
  runDir: string;
  /** 0: any free port. */
  port?: number;
  /** Keep buckets, table and stack in `runDir` for the next start. */
  persist?: boolean;
  /** Policies are evaluated, over TLS: the bootstrap bucket's policy refuses anything else. */
  enforceIam?: boolean;
  /** Where functions find AWS, when that is not the emulator itself. */
  functionsEndpoint?: string;
  onProgress?: (line: string) => void;
  /** Gives up starting; a started emulator is ended with `stop`. */
  signal?: AbortSignal;
}

export interface Emulator {
  endpoint: string;
  port: number;
  pid: number;
  logFile: string;
  /** PEM file of the authority that clients must trust; absent without TLS. */
  authorityFile?: string;
  /** What a process needs in its environment to talk to it as the account's root, on top of PATH and the like. */
  environment: Record<string, string>;
  ended: Promise<number | string>;
  stop(): Promise<void>;
}

/** Starts the emulator and resolves once it answers. Throws `SyncError` with a hint when it cannot. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { projectDir, localDir, runDir, persist = false, enforceIam = false } = options;
  const python = await emulatorPython(localDir, options.onProgress ?? (() => {}), options.signal);
  const port = await claimPort(options.port ?? DEFAULT_PORT);
  const temporary = join(runDir, 'tmp');
  await mkdir(temporary, { recursive: true });
  // Functions are unpacked there, with CommonJS around them; below our own package.json that would be a module.
  await writeFile(join(temporary, 'package.json'), '{"type":"commonjs"}\n');
  const certificate = enforceIam ? await localCertificate(join(runDir, 'tls')) : undefined;

  const logFile = join(runDir, 'emulator.log');
  const log = openSync(logFile, 'w');
  let group: ProcessGroup;
  try {
    group = startProcessGroup(python, ['-c', LEADER], {
      cwd: runDir,
      output: log,
      environment: {
        ...inheritedEnvironment(),
        // Lambdas run with the first node in PATH, whatever their runtime says.
        PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
        // CDK's own custom resources find the SDK there; a real Lambda has it built in.
        NODE_PATH: join(projectDir, 'node_modules'),
        BIND_HOST: '127.0.0.1',
        MINISTACK_HOST: '127.0.0.1',
        GATEWAY_PORT: String(port),
        TMPDIR: temporary,
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        PYTHONUNBUFFERED: '1',
        ...(options.functionsEndpoint === undefined ? {} : { AWS_ENDPOINT_URL: options.functionsEndpoint }),
        ...(persist && {
          PERSIST_STATE: '1',
          STATE_DIR: join(runDir, 'state'),
          S3_PERSIST: '1',
          S3_DATA_DIR: join(runDir, 's3'),
        }),
        ...(certificate && tlsEnvironment(certificate)),
      },
    });
  } finally {
    closeSync(log);
  }

  const endpoint = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`;
  const authority = certificate && (await readFile(certificate.authorityFile, 'utf8'));
  try {
    await untilHealthy(endpoint, authority, group, logFile, options.signal);
  } catch (error) {
    await group.stop(0);
    throw error;
  }
  return {
    endpoint,
    port,
    pid: group.child.pid ?? 0,
    logFile,
    ...(certificate && { authorityFile: certificate.authorityFile }),
    environment: clientEnvironment(endpoint, certificate),
    ended: group.ended,
    stop: () => group.stop(STOP_GRACE_MS),
  };
}

/** The environment of an AWS client of `endpoint`; the emulators take `test` for the account's root. */
export function clientEnvironment(endpoint: string, certificate?: LocalCertificate): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    ...(certificate && {
      NODE_EXTRA_CA_CERTS: certificate.authorityFile,
      AWS_CA_BUNDLE: certificate.bundleFile,
    }),
  };
}

/** Our environment without what would point the emulator, or a function in it, to another AWS. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_')));
}

function tlsEnvironment(certificate: LocalCertificate): Record<string, string> {
  return {
    AUTH: 'true',
    USE_SSL: '1',
    MINISTACK_SSL_CERT: certificate.certificateFile,
    MINISTACK_SSL_KEY: certificate.keyFile,
    // Lambdas inherit these: they call back over TLS.
    NODE_EXTRA_CA_CERTS: certificate.authorityFile,
    AWS_CA_BUNDLE: certificate.bundleFile,
    SSL_CERT_FILE: certificate.bundleFile,
    REQUESTS_CA_BUNDLE: certificate.bundleFile,
  };
}

async function untilHealthy(
  endpoint: string,
  authority: string | undefined,
  group: ProcessGroup,
  logFile: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let end: number | string | undefined;
  void group.ended.then((how) => {
    end = how;
  });
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  while (!(await answers(`${endpoint}/_ministack/health`, authority))) {
    if (end !== undefined || Date.now() > deadline) {
      const what =
        end === undefined ? `did not answer within ${HEALTHY_WITHIN_MS / 1000} s` : `ended (${end})`;
      const last = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-5).join('\n');
      throw new SyncError(`the AWS emulator ${what}:\n${last}`, {
        op: 'start-emulator',
        retryable: false,
        hint: `The whole log is in ${logFile}.`,
      });
    }
    await delay(PROBE_EVERY_MS, undefined, { signal });
  }
}

function answers(url: string, authority: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const get = authority === undefined ? getHttp : getHttps;
    const request = get(url, { ca: authority, agent: false, timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
