/** The version of the agent: a constant in the executable, and what package.json says when it runs from the sources. */
import { readFileSync } from 'node:fs';

/** Defined by the build of the executable (packaging/bundle.ts) and by nothing else. */
declare const __SLUICE_VERSION__: string | undefined;

export function agentVersion(): string {
  if (typeof __SLUICE_VERSION__ === 'string') return __SLUICE_VERSION__;
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
