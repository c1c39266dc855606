/** The AWS command line, of PyPI: in the project's ignored folder, nothing is installed on the host. */
import { dirname, join } from 'node:path';
import { pythonEnvironment } from '../../infra/local/python.ts';

/** The path of the program. Throws `SyncError` that says what to do when it cannot be installed. */
export async function awsCli(directory: string, onProgress: (line: string) => void): Promise<string> {
  const python = await pythonEnvironment(
    { venv: join(directory, 'local/aws-cli'), packages: ['awscli==1.46.2'], purpose: 'the AWS command line' },
    onProgress,
  );
  return join(dirname(python), 'aws');
}
