/** A file system whose times are told otherwise, in place of `node:fs`: for `vi.mock`, so nothing is imported from there. */
type Fs = typeof import('node:fs');

/** In nanoseconds since 1970. */
interface Times {
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/** @param tell what to tell of a file's times; `undefined`: what is true */
export function tellingTimes(fs: Fs, tell: (times: Times) => Times | undefined): Fs {
  const told = <Stats extends object | undefined>(stats: Stats): Stats => {
    if (stats === undefined || !('mtimeNs' in stats && 'ctimeNs' in stats)) return stats;
    const { mtimeNs, ctimeNs } = stats;
    if (typeof mtimeNs !== 'bigint' || typeof ctimeNs !== 'bigint') return stats;
    return Object.assign(stats, tell({ mtimeNs, ctimeNs }));
  };
  return {
    ...fs,
    fstatSync: ((...args: Parameters<Fs['fstatSync']>) => told(fs.fstatSync(...args))) as Fs['fstatSync'],
    lstatSync: ((...args: Parameters<Fs['lstatSync']>) => told(fs.lstatSync(...args))) as Fs['lstatSync'],
  };
}
