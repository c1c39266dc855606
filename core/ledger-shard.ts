/** Which partition of the ledger a key lives in. */
import { LEDGER_SHARDS } from './names.ts';

/**
 * A stable number from 0 to `LEDGER_SHARDS` - 1: 32-bit FNV-1a over the key's UTF-16 code units, folded, because its
 * low bits alone depend on the low bits of the text only. Changing it would orphan every row.
 * http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function ledgerShard(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    const unit = key.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return ((hash ^ (hash >>> 16)) >>> 0) % LEDGER_SHARDS;
}
