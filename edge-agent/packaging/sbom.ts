/**
 * What a release is made of, as CycloneDX 1.5: every package that the lock file names for production, and the Node that
 * the executables carry. https://docs.npmjs.com/cli/v11/commands/npm-sbom
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const MOST_BYTES = 64 * 1024 * 1024;

interface Component {
  'bom-ref': string;
  properties?: { name: string; value: string }[];
}

interface Bill {
  serialNumber?: string;
  metadata: { timestamp?: string; component: Record<string, unknown> };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

/** @param node version of the Node in the executables */
export async function writeSbom(projectDir: string, file: string, node: string): Promise<void> {
  // Not `--omit dev`: npm 11 then leaves out what a development package has for a peer as well, such as yaml.
  const command = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'];
  const { stdout } = await promisify(execFile)('npm', command, { cwd: projectDir, maxBuffer: MOST_BYTES });
  const bill: Bill = JSON.parse(stdout);
  const dropped = new Set(bill.components.filter(isDevelopment).map((one) => one['bom-ref']));
  bill.components = bill.components.filter((one) => !dropped.has(one['bom-ref']));
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => !dropped.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => !dropped.has(one)) }));
  // The same sources make the same bytes.
  delete bill.serialNumber;
  delete bill.metadata.timestamp;
  // npm takes the name from the folder that it runs in.
  bill.metadata.component.name = 'sluice';
  bill.components.push(runtime(node));
  await writeFile(file, `${JSON.stringify(bill, null, 2)}\n`);
}

function isDevelopment({ properties = [] }: Component): boolean {
  return properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
}

function runtime(version: string): Component & Record<string, unknown> {
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    purl: `pkg:github/nodejs/node@v${version}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}
