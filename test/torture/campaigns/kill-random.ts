/** SIGKILL at random times, over and over, while somebody goes on working in the folder. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '../agent.ts';
import { type Campaign, goesOn, type World } from '../campaign.ts';
import { heal } from '../heal.ts';
import { judgeNow } from '../judge.ts';
import type { Random } from '../random.ts';
import { createScene, type Mode, type Scene } from '../scene.ts';
import type { Writer } from '../writer.ts';
import { writerOf } from '../writer-of.ts';

/** Kills between two looks at whether everything comes to rest. */
const KILLS_TO_HEAL = 10;
/** Between steps, so that a start of the agent sees some of them. */
const STEP_MS = 15;
const WORKING_MS = 250;
const READY = 'watching';

export const killRandom: Campaign = {
  name: 'kill-random',
  title: 'SIGKILL at random times while a writer goes on',
  cases: [1, 2, 21, 23, 24],
  needs: [],
  rounds: 120,
  async run(world) {
    const modes: Mode[] = ['move', 'mirror', 'receive'];
    await Promise.all(modes.map((mode) => lane(world, mode, world.random.fork())));
  },
};

async function lane(world: World, mode: Mode, random: Random): Promise<void> {
  const scene = await createScene(world, mode);
  const writer = writerOf(scene, random);
  // Nothing is broken yet.
  world.tally.wrong(await heal(scene));
  let bootMs = 500;
  for (let kills = 0; goesOn(world); ) {
    world.tally.round();
    bootMs = await killOnce(world, scene, writer, random, bootMs);
    if (++kills % KILLS_TO_HEAL === 0) world.tally.wrong(await heal(scene));
  }
  world.tally.wrong(await heal(scene));
}

/** Answers how long this start took to be ready, or the same guess again. */
async function killOnce(
  { tally }: World,
  scene: Scene,
  writer: Writer,
  random: Random,
  bootMs: number,
): Promise<number> {
  const agent = scene.start('run');
  const [measuredMs] = await Promise.all([
    killSometime(agent, random, bootMs),
    workUntil(writer, agent.exit),
  ]);
  if ((await agent.exit) === 'SIGKILL') tally.fired();
  tally.wrong(await judgeNow(scene));
  return measuredMs;
}

async function killSometime(agent: Agent, random: Random, bootMs: number): Promise<number> {
  const startedMs = performance.now();
  let measuredMs = bootMs;
  if (random.chance(0.3)) {
    await delay(random.next() * bootMs);
  } else {
    await agent.says(READY);
    measuredMs = performance.now() - startedMs;
    await delay(random.next() * WORKING_MS);
  }
  await agent.kill();
  return measuredMs;
}

/** Resolves when the last step is done. */
async function workUntil(writer: Writer, end: Promise<unknown>): Promise<void> {
  let ended = false;
  void end.then(() => {
    ended = true;
  });
  while (!ended) {
    await writer.step();
    await delay(STEP_MS);
  }
}
