/** A function as it is uploaded: the handler with everything it needs, the SDK too, so that what was tested is what runs. */
import { join } from 'node:path';
import { type BuildOptions, buildSync, type Metafile } from 'esbuild';

const PROJECT_DIR = join(import.meta.dirname, '..');

/**
 * What every function runs Node with: the space for short-lived objects would grow to 48 MB and stay so, for nothing.
 * https://nodejs.org/docs/latest-v24.x/api/cli.html#--max-semi-space-sizesize-in-mib
 */
export const NODE_OPTIONS = '--max-semi-space-size=8';

/**
 * What is imported while a function works, such as the SDK's sources of credentials, is in files of its own: a cold start
 * reads none of them. Without source maps, which would be larger than the code; the names stay instead, so that stack
 * traces can be read.
 */
const OPTIONS = {
  absWorkingDir: PROJECT_DIR,
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.mjs' },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  // CommonJS packages inside the bundle call require() for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
} as const satisfies BuildOptions;

/**
 * Writes `index.mjs` and the files that it imports.
 *
 * @param entry a module, from the project's root: `functions/mirror.ts`
 */
export function bundleFunction(entry: string, outdir: string): Metafile {
  return buildSync({ ...OPTIONS, entryPoints: { index: entry }, outdir }).metafile;
}
