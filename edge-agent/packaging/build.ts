/**
 * `npm run build`: the agent as one file that needs nothing but the C library, and the list of what it is made of
 * (SBOM); each with its SHA-256 beside it.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { agentVersion } from '../version.ts';
import { parseArguments, USAGE, UsageError } from './arguments.ts';
import { bundleAgent } from './bundle.ts';
import { type Architecture, runtimeFiles } from './runtime-files.ts';
import { writeSbom } from './sbom.ts';
import { seal } from './seal.ts';
import { stripSymbols } from './strip-symbols.ts';

const projectDir = join(import.meta.dirname, '../..');
const WRONG_USAGE = 2;

async function buildExecutable(arch: Architecture, outDir: string): Promise<string> {
  const target = join(outDir, `sluice-agent-linux-${arch}`);
  const { node, koffi } = await runtimeFiles(projectDir, arch);
  const { main, workers } = await bundleAgent(projectDir, agentVersion());
  const workDir = await mkdtemp(`${target}.`);
  try {
    const assets: Record<string, string> = { 'koffi.node': koffi };
    for (const [name, text] of Object.entries(workers)) {
      assets[name] = join(workDir, name);
      await writeFile(join(workDir, name), text);
    }
    const generator = join(projectDir, 'node_modules/node/bin/node');
    await seal(
      { main, assets, codeCache: process.platform === 'linux' && process.arch === arch },
      { workDir, generator, runtime: stripSymbols(await readFile(node)), target },
    );
  } finally {
    await rm(workDir, { recursive: true });
  }
  return target;
}

async function writeChecksum(file: string): Promise<number> {
  const bytes = await readFile(file);
  const digest = createHash('sha256').update(bytes).digest('hex');
  await writeFile(`${file}.sha256`, `${digest}  ${basename(file)}\n`);
  return bytes.length;
}

async function build({ architectures, out }: ReturnType<typeof parseArguments>): Promise<void> {
  const outDir = resolve(out);
  await mkdir(outDir, { recursive: true });
  for (const arch of architectures) {
    const file = await buildExecutable(arch, outDir);
    const sizeBytes = await writeChecksum(file);
    process.stdout.write(`${file}  ${Math.round(sizeBytes / 1e6)} MB\n`);
  }
  const sbom = join(outDir, `sluice-agent-${agentVersion()}.cdx.json`);
  await writeSbom(projectDir, sbom, process.versions.node);
  await writeChecksum(sbom);
  process.stdout.write(`${sbom}\n`);
}

try {
  const wanted = parseArguments(process.argv.slice(2), projectDir);
  if (wanted.help) process.stdout.write(USAGE);
  else await build(wanted);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`build: ${error.message}\n${USAGE}`);
  process.exitCode = WRONG_USAGE;
}
