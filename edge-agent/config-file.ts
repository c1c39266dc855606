/** Which file has the settings, when the command line does not say so. */
import { existsSync } from 'node:fs';

/** Where the systemd unit and the image look, so that on a host `sluice-agent status` needs no option. */
export const HOST_CONFIG = '/etc/sluice/agent.yaml';

/**
 * @param named by `--config`, which goes before SLUICE_CONFIG
 * @param place taken only when there is a file
 * @returns a path, or undefined when nobody named one and there is none
 */
export function configFile(
  named: string | boolean | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  place: string = HOST_CONFIG,
): string | undefined {
  if (typeof named === 'string') return named;
  return environment.SLUICE_CONFIG ?? (existsSync(place) ? place : undefined);
}
