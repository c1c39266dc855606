/** The emulator that we start, or the endpoint that the user names. */
import { SyncError } from '#core/errors.ts';
import { clientEnvironment, type Emulator, startEmulator } from './emulator.ts';

export interface Cloud {
  endpoint: string;
  environment: Record<string, string>;
  /** Absent when the endpoint is the user's. */
  emulator?: Emulator;
}

export async function reachCloud({
  projectDir,
  localDir,
  runDir,
  port,
  step,
  signal,
}: {
  projectDir: string;
  localDir: string;
  runDir: string;
  port: number;
  step: (line: string) => void;
  signal: AbortSignal;
}): Promise<Cloud> {
  const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  if (AWS_ENDPOINT_URL) {
    step(`using ${AWS_ENDPOINT_URL}`);
    await fetch(AWS_ENDPOINT_URL, { redirect: 'manual', signal }).catch(unreachable(AWS_ENDPOINT_URL));
    const environment = {
      ...clientEnvironment(AWS_ENDPOINT_URL),
      ...(AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY && { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY }),
    };
    return { endpoint: AWS_ENDPOINT_URL, environment };
  }
  step('starting the AWS emulator');
  const options = { projectDir, localDir, runDir, port, persist: true, onProgress: step, signal };
  const emulator = await startEmulator(options);
  return { endpoint: emulator.endpoint, environment: emulator.environment, emulator };
}

function unreachable(endpoint: string): (cause: Error) => never {
  return (cause) => {
    throw new SyncError(`${endpoint} (AWS_ENDPOINT_URL) cannot be reached`, {
      op: 'start',
      retryable: true,
      hint: 'Start what should be there, or unset AWS_ENDPOINT_URL to have an emulator started.',
      cause,
    });
  };
}
