/** What a campaign needs of the machine, and what to do where it is missing. A campaign that cannot run has failed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export type Need =
  | 'root'
  | 'strace'
  | 'ext4'
  | 'xfs'
  | 'faketime'
  | 'prlimit'
  | 'unshare'
  | 'memory-cgroup'
  | 'go';

/** Debian puts it beside the architecture's libraries; https://manpages.debian.org/bookworm/faketime/faketime.1.en.html */
const FAKETIME_LIBRARIES = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
);

const CHECKS: Record<Need, { has: () => boolean; hint: string }> = {
  root: { has: () => process.getuid?.() === 0, hint: 'run it as root: it mounts file systems of its own' },
  strace: { has: () => hasProgram('strace'), hint: 'apt-get install strace' },
  ext4: { has: () => hasProgram('mkfs.ext4'), hint: 'apt-get install e2fsprogs' },
  xfs: {
    has: () => hasProgram('mkfs.xfs') && readFileSync('/proc/filesystems', 'utf8').includes('xfs'),
    hint: 'apt-get install xfsprogs, on a kernel that knows xfs',
  },
  faketime: { has: () => faketimeLibrary() !== undefined, hint: 'apt-get install faketime' },
  prlimit: { has: () => hasProgram('prlimit'), hint: 'apt-get install util-linux' },
  unshare: {
    has: () => succeeds('unshare', ['-Ur', 'true']),
    hint: 'apt-get install util-linux, and allow user namespaces',
  },
  go: { has: () => hasProgram('go'), hint: 'install Go (https://go.dev/dl): toxiproxy is built with it' },
  'memory-cgroup': {
    has: () => existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes'),
    hint: 'mount the memory controller of cgroup v1 at /sys/fs/cgroup/memory',
  },
};

/** One line for each thing that is missing. */
export function missing(needs: readonly Need[]): string[] {
  return needs.filter((need) => !CHECKS[need].has()).map((need) => `${need}: ${CHECKS[need].hint}`);
}

export function faketimeLibrary(): string | undefined {
  return FAKETIME_LIBRARIES.find((file) => existsSync(file));
}

function hasProgram(name: string): boolean {
  return succeeds('sh', ['-c', `command -v ${name}`]);
}

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (!(error instanceof Error) || !('status' in error || 'code' in error)) throw error;
    return false;
  }
}
