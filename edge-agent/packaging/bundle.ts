/**
 * The agent and its workers as one script each, for the executable.
 *
 * An executable of Node 24 starts a CommonJS script, which cannot `await` at its top as the agent's main file does.
 * So esbuild runs twice: the dynamic import in entry.ts makes it wrap that file in an async function, and what comes of
 * it is turned into CommonJS. Nothing is minified: the lines and names are what a crash on a host is told with.
 */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type BuildOptions, type BuildResult, build, type Plugin } from 'esbuild';

export interface Bundles {
  main: string;
  /** By the name under which adapters/host/worker.ts asks for it. */
  workers: Record<string, string>;
}

/** There is no file to be relative to: koffi and the sources ask only in branches that the executable never takes. */
const NO_FILE = { 'import.meta.url': '"file:///"', 'import.meta.dirname': '"/"' };

export async function bundleAgent(projectDir: string, version: string): Promise<Bundles> {
  const workers: Record<string, string> = {};
  for (const file of globSync('adapters/host/*-worker.ts', { cwd: projectDir }).sort()) {
    workers[`${basename(file, '.ts')}.js`] = await bundle(projectDir, version, file);
  }
  return { main: await bundle(projectDir, version, 'edge-agent/packaging/entry.ts'), workers };
}

async function bundle(projectDir: string, version: string, file: string): Promise<string> {
  const common: BuildOptions = {
    absWorkingDir: projectDir,
    bundle: true,
    platform: 'node',
    target: 'node24',
    logLevel: 'warning',
    write: false,
  };
  const wrapped = await build({
    ...common,
    entryPoints: [file],
    format: 'esm',
    // The ESM edition first: it is what the sources import, and it can be shaken.
    mainFields: ['module', 'main'],
    define: { ...NO_FILE, __SLUICE_VERSION__: JSON.stringify(version) },
    plugins: [koffiFromAsset(projectDir)],
    legalComments: 'none',
  });
  const script = await build({
    ...common,
    stdin: { contents: textOf(wrapped), resolveDir: projectDir },
    format: 'cjs',
  });
  return asciiOf(textOf(script));
}

/**
 * One dash in a comment would make V8 hold the whole script in two bytes a character. The escape means the same
 * wherever esbuild has left such a character: in regular expressions and comments.
 */
function asciiOf(script: string): string {
  return script.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Koffi looks for its library in node_modules; in the executable it is an asset. */
function koffiFromAsset(projectDir: string): Plugin {
  return {
    name: 'koffi-from-asset',
    setup(build) {
      build.onResolve({ filter: /\/static\.c?js$/ }, ({ importer }) =>
        importer.includes('/node_modules/koffi/')
          ? { path: join(projectDir, 'edge-agent/packaging/native-library.ts') }
          : undefined,
      );
    },
  };
}

function textOf({ outputFiles }: BuildResult): string {
  const only = outputFiles?.[0];
  if (only === undefined) throw new Error('esbuild wrote nothing');
  return only.text;
}
