/** What others see of the real agent: its metrics, the dashboard made of them, and its log. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { pythonEnvironment } from '../../infra/local/python.ts';
import { agentUnderTest } from './agent-process.ts';

vi.setConfig({ testTimeout: 120_000 });

const PROJECT = join(import.meta.dirname, '../..');
const DASHBOARD = join(PROJECT, 'edge-agent/packaging/grafana-dashboard.json');
/** As Prometheus 3 asks. */
const PROMETHEUS_ACCEPT =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,' +
  'text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const NAMES = ['a "b"/c\nd', 'ünï\u001b[2J', 'plain'];
/** Both parsers throw at what is not in the format; the names of samples, with those of their labels, are printed. */
const PARSE = `
import importlib, json, sys
parser = importlib.import_module(sys.argv[1])
families = parser.text_string_to_metric_families(sys.stdin.read())
print(json.dumps([[f.name, f.type, f.documentation, s.name, sorted(s.labels)] for f in families for s in f.samples]))
`;

/** An agent that has done some of everything: synced, skipped and failed files, and mirrored a bucket. */
async function busyAgent() {
  const agent = await agentUnderTest({
    config: ({ base, folder, bucket, endpoint }) =>
      stringify({
        store: { bucket, endpoint },
        stateDirectory: join(base, 'state'),
        folders: [{ name: 'output', path: folder, prefix: 'output/', mode: 'mirror', minBytes: 1 }],
        buckets: [
          {
            name: 'hub',
            source: { bucket, endpoint },
            destinations: [{ name: 'backup', bucket: `${bucket}-backup`, endpoint, createBucket: true }],
            notifications: 'off',
          },
        ],
        log: { level: 'DEBUG', format: 'json' },
      }),
  });
  mkdirSync(join(agent.folder, 'a "b"'));
  for (const name of NAMES) writeFileSync(join(agent.folder, name), name);
  writeFileSync(join(agent.folder, 'empty'), '');
  writeFileSync(Buffer.from(`${agent.folder}/\xff`, 'latin1'), 'no name');
  symlinkSync('plain', join(agent.folder, 'link'));
  const running = agent.start('run');
  for (const key of NAMES) await running.says(`"key":${JSON.stringify(`output/${key}`)}`);
  await running.says('comparison ended');
  const metrics = (accept?: string) => metricsOf(join(agent.base, 'state/status.sock'), accept);
  const scanned = async () => (await metrics()).text.includes('sluice_last_scan_files{');
  await expect.poll(scanned, { timeout: 30_000 }).toBe(true);
  return { running, metrics };
}

function metricsOf(socketPath: string, accept = '*/*'): Promise<{ type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/metrics', headers: { accept } }, async (answer) => {
      const text = String(Buffer.concat(await Array.fromAsync(answer)));
      resolve({ type: answer.headers['content-type'] ?? '', text });
    });
    asked.on('error', reject).end();
  });
}

interface Sample {
  family: string;
  type: string;
  help: string;
  name: string;
  labels: string[];
}

/** By the parsers of Prometheus' own client for Python. Rejects with what they find wrong. */
async function parsed(
  format: 'prometheus_client.parser' | 'prometheus_client.openmetrics.parser',
  text: string,
) {
  const python = await pythonEnvironment(
    {
      venv: join(PROJECT, '.sluice/local/prometheus'),
      packages: ['prometheus-client==0.26.0'],
      purpose: 'the parser of metrics',
    },
    () => {},
  );
  const parsing = promisify(execFile)(python, ['-c', PARSE, format], { maxBuffer: 16 * 1024 * 1024 });
  parsing.child.stdin?.end(text);
  const { stdout } = await parsing;
  return (JSON.parse(stdout) as [string, string, string, string, string[]][]).map(
    ([family, type, help, name, labels]): Sample => ({ family, type, help, name, labels }),
  );
}

it('tells its metrics in both formats so that their own parsers read the same', async () => {
  const { metrics } = await busyAgent();
  const plain = await metrics();
  expect(plain.type).toBe('text/plain; version=0.0.4; charset=utf-8');
  const open = await metrics(PROMETHEUS_ACCEPT);
  expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(open.text).toMatch(/\n# EOF\n$/);
  const [one, other] = [
    await parsed('prometheus_client.parser', plain.text),
    await parsed('prometheus_client.openmetrics.parser', open.text),
  ];
  expect(other.map(({ name, type, labels }) => ({ name, type, labels }))).toEqual(
    one.map(({ name, type, labels }) => ({ name, type, labels })),
  );
  for (const { family, type, help } of other) {
    expect(help, family).toMatch(/\.$/);
    expect(type, family).toMatch(/^(?:counter|gauge|histogram)$/);
    // https://prometheus.io/docs/practices/naming/ , as `promtool check metrics` has it.
    expect(family).toMatch(/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/);
    expect(family).not.toMatch(/_(?:total|count|sum|bucket|counter|gauge|histogram)$/);
  }
});

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: unknown;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; datasource: unknown; expr: string }[];
}

interface Dashboard {
  uid: string;
  title: string;
  schemaVersion: number;
  id?: unknown;
  templating: {
    list: { name: string; type: string; query: unknown; definition?: string; datasource?: unknown }[];
  };
  panels: Panel[];
}

const dashboard = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as Dashboard;
const METRIC = /\b(?:sluice|process|nodejs)_\w+/g;

it('has a dashboard of all metrics that it tells, and of no others', async () => {
  const { metrics } = await busyAgent();
  const samples = await parsed('prometheus_client.parser', (await metrics()).text);
  const told = new Map(samples.map(({ name, labels }) => [name, labels]));
  const expressions = [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.map(({ query }) => JSON.stringify(query)),
  ];
  for (const expression of expressions) {
    for (const name of expression.match(METRIC) ?? []) expect([...told.keys()], expression).toContain(name);
    const from = [...expression.matchAll(/\b([a-z_]+)\{([^}]*)\}/g)];
    for (const [, metric = '', selectors = ''] of from) {
      const labels = [...selectors.matchAll(/(\w+)=~?\\?"/g)].map(([, label]) => label);
      expect([...(told.get(metric) ?? []), 'instance', 'job'], expression).toEqual(
        expect.arrayContaining(labels),
      );
    }
  }
  const shown = new Set(expressions.flatMap((expression) => expression.match(METRIC) ?? []));
  const families = new Set(
    samples.map(({ family, type }) => {
      if (type === 'histogram') return `${family}_bucket`;
      return type === 'counter' ? `${family}_total` : family;
    }),
  );
  expect([...shown].toSorted()).toEqual([...families].toSorted());
});

it('has a dashboard that Grafana imports into any installation', () => {
  const { panels, templating } = dashboard;
  expect(dashboard).toMatchObject({ uid: 'sluice-agents', title: 'Sluice agents', schemaVersion: 39 });
  // An id is of one installation.
  expect(dashboard.id).toBeUndefined();
  const [source, ...variables] = templating.list;
  expect(source).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
  const chosen = { type: 'prometheus', uid: `\${datasource}` };
  for (const { name, datasource: of, definition, query } of variables) {
    expect(of, name).toEqual(chosen);
    // What Grafana shows of a variable, and what it asks.
    expect(query, name).toMatchObject({ query: definition });
  }
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, type, description, datasource, gridPos, targets = [] } of panels) {
    const { x, y, w, h } = gridPos;
    expect(x + w, title).toBeLessThanOrEqual(24);
    for (let cell = 0; cell < w * h; cell++) {
      const at = `${x + (cell % w)} ${y + Math.floor(cell / w)}`;
      expect(taken.has(at), `${title} lies over another panel`).toBe(false);
      taken.add(at);
    }
    if (type === 'row') continue;
    expect(description, title).toMatch(/[.]$/);
    expect(datasource, title).toEqual(chosen);
    expect(targets.length, title).toBeGreaterThan(0);
    for (const target of targets) expect(target.datasource, title).toEqual(chosen);
  }
});

it('writes a log of which every line is one JSON object, whatever files are called', async () => {
  const { running } = await busyAgent();
  running.process.kill('SIGTERM');
  expect(await running.exit).toBe(0);
  const lines = running.output().split('\n');
  expect(lines.pop()).toBe('');
  const keys = new Set<string>();
  for (const line of lines) {
    const { time, level, message, key } = JSON.parse(line);
    expect(new Date(time).toISOString(), line).toBe(time);
    expect(level, line).toMatch(/^(?:DEBUG|INFO|WARN|ERROR)$/);
    expect(message, line).toEqual(expect.stringMatching(/./));
    keys.add(key);
  }
  expect([...keys]).toEqual(
    expect.arrayContaining([...NAMES.map((name) => `output/${name}`), 'output/empty']),
  );
});
