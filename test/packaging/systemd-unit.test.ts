import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentSettings } from '#core/settings/agent.ts';

const packaging = join(import.meta.dirname, '../../edge-agent/packaging');
const unit = readUnit('sluice-agent.service');
const dropIn = readUnit('folders.conf');

type Sections = Record<string, Record<string, string[]>>;

/** Sections, and for each key all its values; https://www.freedesktop.org/software/systemd/man/latest/systemd.syntax.html */
function readUnit(name: string): Sections {
  const sections: Sections = {};
  let current: Record<string, string[]> = {};
  for (const line of readFileSync(join(packaging, name), 'utf8').split('\n')) {
    const [, section] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (section !== undefined) {
      current = {};
      sections[section] = current;
    } else if (key !== undefined && value !== undefined) {
      current[key] = [...(current[key] ?? []), value];
    } else if (line !== '' && !line.startsWith('#')) {
      throw new Error(`${name}: not a directive: ${line}`);
    }
  }
  return sections;
}

const expectDirectives = (section: string, wanted: Record<string, string>) => {
  for (const [key, value] of Object.entries(wanted)) {
    expect({ [key]: unit[section]?.[key] }).toEqual({ [key]: [value] });
  }
};

it('says when it is ready, is watched, and comes back after a failure but not after wrong settings', () => {
  expectDirectives('Service', {
    Type: 'notify',
    ExecStart: '/usr/local/bin/sluice-agent run --config /etc/sluice/agent.yaml',
    WatchdogSec: '60',
    Restart: 'on-failure',
    RestartSec: '1s',
    RestartSteps: '8',
    RestartMaxDelaySec: '5min',
    RestartPreventExitStatus: '2',
    KillSignal: 'SIGTERM',
    TimeoutStopSec: '90s',
  });
  expectDirectives('Unit', { StartLimitIntervalSec: '0' });
  expectDirectives('Install', { WantedBy: 'multi-user.target' });
});

it('gives the one capability that leases need, to a user without any other', () => {
  expectDirectives('Service', {
    User: 'sluice',
    Group: 'sluice',
    CapabilityBoundingSet: 'CAP_LEASE',
    AmbientCapabilities: 'CAP_LEASE',
    NoNewPrivileges: 'yes',
    PrivateUsers: 'no',
  });
  expect(readFileSync(join(packaging, 'sluice-agent.sysusers.conf'), 'utf8')).toMatch(/^u sluice - /m);
});

it('closes the host to the agent, but for what its parts need', () => {
  expectDirectives('Service', {
    ProtectSystem: 'strict',
    ProtectHome: 'yes',
    PrivateTmp: 'yes',
    PrivateDevices: 'yes',
    ProtectKernelTunables: 'yes',
    RestrictNamespaces: 'yes',
    SystemCallArchitectures: 'native',
    SystemCallFilter: '@system-service',
    MemoryDenyWriteExecute: 'no',
  });
  // The temporary directory must stay executable, and AF_UNIX reach systemd's socket.
  expect(unit.Service).not.toHaveProperty('NoExecPaths');
  expect(unit.Service?.RestrictAddressFamilies?.[0]?.split(' ')).toEqual(
    expect.arrayContaining(['AF_INET', 'AF_INET6', 'AF_UNIX']),
  );
});

it('keeps its state where the settings look for it', () => {
  const { stateDirectory } = agentSettings.parse({
    store: { bucket: 'hub' },
    folders: [{ name: 'out', path: '/srv/outbox', prefix: 'out/' }],
  });
  expect(unit.Service?.StateDirectory?.map((name) => `/var/lib/${name}`)).toEqual([stateDirectory]);
  expectDirectives('Service', { StateDirectoryMode: '0700' });
});

it('shows how a folder is opened to it, and that its mount is waited for', () => {
  expect(dropIn.Service?.ReadWritePaths).toEqual(['/srv/outbox']);
  expect(dropIn.Unit?.RequiresMountsFor).toEqual(['/srv/outbox']);
});
