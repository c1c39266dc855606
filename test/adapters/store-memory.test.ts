import { objectStoreContract } from '../contracts/object-store.ts';
import { createMemoryStore } from '../doubles/store-memory.ts';

objectStoreContract('the store in memory', async () => createMemoryStore());
