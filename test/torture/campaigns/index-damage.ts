/** The index is damaged, cut short, emptied, removed, or of a newer version, while the agent does not run. */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { indexFile } from '../../../edge-agent/live.ts';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { fault, judgeNow } from '../judge.ts';
import type { Random } from '../random.ts';
import type { Mode } from '../scene.ts';
import { during } from '../settle.ts';
import { type SmallScene, smallScene, steps } from '../small-scene.ts';

const MODES: Mode[] = ['mirror', 'move', 'receive'];
const PAGE = 4096;

type Damage = (file: string, random: Random) => void;

const DAMAGES: Record<string, Damage> = {
  'a page of zeros': (file, random) => overwrite(file, random, Buffer.alloc(PAGE)),
  'a flipped bit'(file, random) {
    const content = readFileSync(file);
    const at = random.below(content.length);
    content[at] = (content[at] ?? 0) ^ (1 << random.below(8));
    writeFileSync(file, content);
  },
  'random bytes': (file, random) => overwrite(file, random, random.bytes(PAGE)),
  'cut short': (file, random) => truncateSync(file, random.below(readFileSync(file).length)),
  empty: (file) => truncateSync(file),
  'removed, its journal not': (file) => rmSync(file),
  'the whole state removed'(file) {
    for (const name of readdirSync(join(file, '..'))) rmSync(join(file, '..', name), { recursive: true });
  },
};

export const indexDamage: Campaign = {
  name: 'index-damage',
  title: 'the index is damaged, cut, emptied, removed or newer',
  cases: [8, 9],
  needs: [],
  rounds: 16,
  async run(world) {
    const names = [...Object.keys(DAMAGES), 'newer'];
    for (let number = 0; goesOn(world); number++) {
      world.tally.round();
      const name = names[number % names.length] ?? 'newer';
      const mode = MODES[Math.floor(number / names.length) % MODES.length] ?? 'mirror';
      await damageOnce(world, mode, name);
    }
  },
};

async function damageOnce(world: World, mode: Mode, name: string): Promise<void> {
  const { tally, random } = world;
  // Without an index an object that no file has may be anybody's: it stays.
  const scene = await smallScene(world, mode, random, { keeps: true });
  tally.wrong(await heal(scene));
  // A kill leaves a journal beside the file.
  const agent = scene.start('run');
  await agent.says('watching');
  await steps(scene.writer);
  await agent.kill();
  const file = indexFile({ stateDirectory: scene.state } as Parameters<typeof indexFile>[0]);
  const damage = DAMAGES[name];
  tally.fired();
  if (damage === undefined) {
    tally.wrong(await refuses(scene, file));
  } else {
    damage(file, random);
    // While it is away, somebody works.
    await steps(scene.writer);
  }
  tally.wrong(during(`${mode}, ${name}`, await judgeNow(scene)));
  tally.wrong(during(`${mode}, ${name}`, await heal(scene)));
  rmSync(scene.base, { recursive: true });
}

/** An older program leaves the index of a newer one as it is. */
async function refuses(scene: SmallScene, file: string) {
  const version = setVersion(file, 1_000_000);
  const before = readFileSync(file);
  const agent = scene.start('once');
  const code = await agent.exit;
  const untouched = readFileSync(file).equals(before);
  setVersion(file, version);
  if (code !== 0 && untouched && agent.output().includes('newer Sluice')) return [];
  return [
    fault('silent', `an index of a newer version: ends with ${code}, ${untouched ? '' : 'not '}as it was`),
  ];
}

/** Answers what it was. */
function setVersion(file: string, version: number): number {
  const database = new DatabaseSync(file);
  const { user_version: before } = database.prepare('PRAGMA user_version').get() ?? {};
  database.exec(`PRAGMA user_version = ${version}; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  return Number(before);
}

function overwrite(file: string, random: Random, bytes: Buffer): void {
  const fd = openSync(file, 'r+');
  const pages = Math.max(1, Math.floor(fstatSync(fd).size / PAGE));
  writeSync(fd, bytes, 0, bytes.length, random.below(pages) * PAGE);
  closeSync(fd);
}
