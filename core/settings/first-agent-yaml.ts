/** A first agent.yaml, with what a newcomer may want to change beside it as comments. */
import { stringify } from 'yaml';
import { editorLine } from './editor-line.ts';

export interface FirstAnswers {
  bucket: string;
  /** Empty: AWS. */
  endpoint: string;
  path: string;
  mode: string;
  /** Empty: the top of the bucket. */
  prefix: string;
}

/** The settings alone, for the check before anything is written. */
export function firstSettings({ bucket, endpoint, path, mode, prefix }: FirstAnswers) {
  return {
    store: { bucket, ...(endpoint === '' ? {} : { endpoint }) },
    folders: [{ name: nameOf(path), path, prefix, mode }],
  };
}

/** @param schema path or URL of the JSON Schema, for editors */
export function firstAgentYaml(answers: FirstAnswers, schema: string): string {
  const { store, folders } = firstSettings(answers);
  const [folder] = folders;
  return `# ${editorLine(schema)}
# What this host syncs. Try it: sluice-agent check --config THIS-FILE, then run --config THIS-FILE.
# All settings: docs/settings.md.

store:
${indented(stringify(store), 2)}
  # region: eu-central-1
  # Keys are taken from the AWS chain (environment, ~/.aws, role), or:
  # credentials: { file: /etc/sluice/credentials }                 # in the format of ~/.aws/credentials
  # credentials: { accessKeyVariable: MY_KEY, secretKeyVariable: MY_SECRET }

folders:
  # move: upload, verify, remove here. mirror: the bucket follows. append: never overwrite. receive: download.
  -
${indented(stringify(folder), 4)}
    # ignore: ['*.part', 'cache/']           # patterns of .gitignore; hidden and temporary names are ignored anyway
    # schedule: { every: 5m }                # instead of as soon as a file is closed
    # retention: { olderThan: 30d }          # what age removes here, once the bucket has it

# stateDirectory: /var/lib/sluice            # index and status socket
# limits: { bandwidth: 10000000 }            # bytes a second
# log: { format: json }
`;
}

/** Folder names are lower-case letters, digits and hyphens. */
function nameOf(path: string): string {
  const last = path.split('/').findLast((part) => part !== '') ?? '';
  const made = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 30);
  return made === '' ? 'folder' : made;
}

function indented(text: string, by: number): string {
  return text.trimEnd().replace(/^/gm, ' '.repeat(by));
}
