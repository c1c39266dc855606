import { controlsContract } from '../contracts/controls.ts';
import { createMemoryControls } from '../doubles/controls-memory.ts';

controlsContract('controls in memory', async () => createMemoryControls());
