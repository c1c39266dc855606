/** Whoever gives the agent of a scene something to do. */
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { createSender } from './sender.ts';
import { createWriter, type Habits, type Writer } from './writer.ts';

export function writerOf(scene: Scene, random: Random, habits: Habits = {}): Writer {
  return scene.mode === 'receive'
    ? createSender(scene, random.fork(), habits)
    : createWriter(scene, random.fork(), habits);
}
