import { ledgerContract } from '../contracts/ledger.ts';
import { createMemoryLedger } from '../doubles/ledger-memory.ts';

ledgerContract('the ledger in memory', async () => createMemoryLedger());
