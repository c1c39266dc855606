/** Programs from Go source, with a `go` that does as told. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { type GoProgram, goProgram } from './go-program.ts';

const PROGRAM: GoProgram = {
  title: 'the peer',
  name: 'peer',
  version: 'v1.2.3',
  source: { module: 'example.com/peer' },
  alternative: 'name one in PEER',
};
const BUILDS = 'echo made > "$GOBIN/peer"';

let directory: string;
let said: string[];

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'sluice-go-program-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  directory = made;
  said = [];
});

/** Each call of it is a line in `calls`. */
function goThat(script: string): void {
  const file = join(directory, 'go');
  writeFileSync(
    file,
    `#!/bin/sh\n[ "$1" = version ] && exit 0\necho "$@" >> ${directory}/calls\n${script}\n`,
  );
  chmodSync(file, 0o755);
  vi.stubEnv('PATH', `${directory}${delimiter}${process.env.PATH}`);
}

const callsOf = () => readFileSync(join(directory, 'calls'), 'utf8');
const made = (program = PROGRAM) => goProgram(join(directory, 'built'), program, (line) => said.push(line));

it('is built once, at its version, in a directory of that version', async () => {
  goThat(BUILDS);
  const path = await made();
  expect(path).toBe(join(directory, 'built/peer-v1.2.3/peer'));
  expect(await made()).toBe(path);
  expect(callsOf()).toBe('install example.com/peer@v1.2.3\n');
  expect(said).toEqual(['building the peer v1.2.3 with Go, once; it may take some minutes']);
  await made({ ...PROGRAM, version: 'v2.0.0' });
  expect(callsOf()).toContain('install example.com/peer@v2.0.0\n');
});

it('never takes an interrupted build for a whole one', async () => {
  goThat(`${BUILDS}\necho 'no route to the proxy' >&2\nexit 1`);
  await expect(made()).rejects.toMatchObject({
    message: 'the peer could not be built: no route to the proxy',
    hint: expect.stringContaining('GOPROXY'),
  });
  expect(readdirSync(join(directory, 'built'))).toEqual([]);
  goThat(BUILDS);
  expect(existsSync(await made())).toBe(true);
});

it('without Go says how to get it, and how to do without', async () => {
  vi.stubEnv('PATH', directory);
  await expect(made()).rejects.toMatchObject({
    message: 'the peer is built with Go, and no go is in PATH',
    hint: 'Install it (https://go.dev/dl), or name one in PEER.',
  });
});
