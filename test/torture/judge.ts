/** The oracle: what is wrong with a scene whose agent does not run and whose writer rests. */
import type { Fault } from './campaign.ts';
import { readTree, type Tree } from './look.ts';
import type { Scene } from './scene.ts';
import { ownerOf, type Truth } from './truth.ts';

interface Sides {
  tree: Tree;
  bucket: Map<string, string>;
}

/** What must be so at every moment: nothing lost, nothing partial. */
export async function judgeNow(scene: Scene): Promise<Fault[]> {
  const sides = { tree: readTree(scene.folder), bucket: await scene.bucket.contents(scene.prefix) };
  return safe(scene, sides);
}

/** What must be so once the agent has had its time without a fault; every byte is read. */
export async function judgeConverged(scene: Scene): Promise<Fault[]> {
  const sides = { tree: readTree(scene.folder), bucket: await scene.bucket.bytes(scene.prefix) };
  return [...safe(scene, sides), ...CONVERGED[scene.mode](scene.truth, sides)];
}

function safe({ mode, truth }: Scene, { tree, bucket }: Sides): Fault[] {
  const places = mode === 'mirror' ? [tree.files] : [tree.files, bucket];
  const lost = truth
    .present()
    .filter(([name, digest]) => {
      const inTrash = tree.trash.some((one) => one.name === name && one.digest === digest);
      return !inTrash && !places.some((place) => holds(place, name, digest));
    })
    .map(([name, digest]) => fault('lost', `${name} (${digest}): ${whereabouts(name, { tree, bucket })}`));
  const partial = [...stranger(truth, tree.files, 'file'), ...stranger(truth, bucket, 'object')];
  return [...lost, ...partial];
}

/** Under its name, or beside it where another had the name. */
function holds(place: ReadonlyMap<string, string>, name: string, digest: string): boolean {
  if (place.get(name) === digest) return true;
  return [...place].some(([other, its]) => its === digest && ownerOf(other) === name);
}

function stranger(truth: Truth, place: ReadonlyMap<string, string>, what: string): Fault[] {
  return [...place]
    .filter(([name, digest]) => !truth.had(name, digest))
    .map(([name, digest]) => {
      const others = truth.namesOf(digest).join(', ');
      const whose = others === '' ? '' : `; it is a version of ${others}`;
      return fault('partial', `${what} ${name} (${digest}) was never written so${whose}`);
    });
}

const CONVERGED: Record<Scene['mode'], (truth: Truth, sides: Sides) => Fault[]> = {
  move(truth, { tree, bucket }) {
    const left = [...tree.files.keys(), ...tree.trash.map(({ name }) => `trash: ${name}`)];
    return [
      ...left.map((name) => fault('notConverged', `${name} is still in the folder`)),
      ...truth
        .present()
        .filter(([name, digest]) => bucket.get(name) !== digest)
        .map(([name, digest]) => fault('notConverged', `object ${name} is not what was written (${digest})`)),
    ];
  },
  mirror: (_, { tree, bucket }) => differences(tree.files, bucket),
  receive(truth, { tree, bucket }) {
    return [
      ...[...bucket.keys()].map((name) => fault('notConverged', `object ${name} is still in the bucket`)),
      ...truth
        .present()
        .filter(([name, digest]) => tree.files.get(name) !== digest)
        .map(([name, digest]) => fault('notConverged', `file ${name} is not what was sent (${digest})`)),
    ];
  },
};

function differences(files: ReadonlyMap<string, string>, objects: ReadonlyMap<string, string>): Fault[] {
  return [...new Set([...files.keys(), ...objects.keys()])]
    .filter((name) => files.get(name) !== objects.get(name))
    .map((name) => fault('notConverged', `${name}: file ${files.get(name)}, object ${objects.get(name)}`));
}

function whereabouts(name: string, { tree, bucket }: Sides): string {
  return `file ${tree.files.get(name) ?? 'absent'}, object ${bucket.get(name) ?? 'absent'}`;
}

export function fault(kind: Fault['kind'], what: string): Fault {
  return { kind, what };
}
