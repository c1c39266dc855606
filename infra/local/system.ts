/**
 * The whole of Sluice on one machine: emulator -> destinations -> the real `cdk deploy` -> agent on a folder. What runs
 * here is what runs in the cloud; `npm start` and `npm run demo` are two ways to meet it.
 */
import { join } from 'node:path';
import { makeDirectory } from '#adapters/host/make-directory.ts';
import { SyncError } from '#core/errors.ts';
import type { DeploymentSettings } from '#core/settings/deployment.ts';
import { startAgent } from './agent.ts';
import { type AgentLine, agentLineText, parseAgentLine } from './agent-line.ts';
import { bootstrap, deploy, type StackOutputs } from './cdk.ts';
import { type Cloud, reachCloud } from './cloud.ts';
import { type FileManagerCall, type FileManagerServer, startFileManager } from './file-manager.ts';
import { type Gate, startGate } from './gate.ts';
import { type Notice, noticeLine } from './notice.ts';
import { reloadOnChange } from './reload.ts';
import { claimRunDirectory } from './run-directory.ts';
import { type SupervisedAgent, superviseAgent } from './supervised-agent.ts';
import {
  createSurroundings,
  LOCAL_SIGNING_KEY,
  localDistribution,
  localSettings,
  tagForRemoval,
} from './surroundings.ts';
import { type CloudWatch, watchCloud } from './watch-cloud.ts';

export interface LocalSystemOptions {
  projectDir: string;
  localDir: string;
  /** Of this system alone: what the emulator keeps, the indexes of agents, settings and logs. */
  runDir: string;
  folder: string;
  /** Of the emulator; unused with AWS_ENDPOINT_URL. */
  port: number;
  fresh?: boolean;
  /** Directories whose changes are deployed at once. */
  sources?: readonly string[];
  /** Of the agent, as in agent.yaml. */
  limits?: Readonly<Record<string, number>>;
  /** What is being done, and then what happens, as lines for people. */
  onStep: (line: string) => void;
  /** What the agent says, in its own words. */
  onAgentText: (line: string) => void;
  signal: AbortSignal;
}

export interface LocalSystem {
  endpoint: string;
  settings: DeploymentSettings;
  outputs: StackOutputs;
  hub: string;
  reports: string;
  /** Absent where the endpoint has no CloudFront. */
  distribution: string | undefined;
  folder: string;
  fileManager: FileManagerServer;
  agent: SupervisedAgent;
  /** `127.0.0.1:PORT` of the agent's own status page; absent until it has said so. */
  agentAddress(): string | undefined;
  watch: CloudWatch;
  /** Before the destinations that have an endpoint; absent where the endpoint is the user's. */
  gate: Gate | undefined;
  /** Tells everything from now on; the last one that is given hears it. */
  listen(listener: Listener): void;
  /** Works until the signal; throws when a part has ended that nobody asked to end. */
  follow(): Promise<void>;
}

export interface Listener {
  onAgentLine(line: AgentLine): void;
  onNotice(notice: Notice): void;
  onCall(call: FileManagerCall): void;
}

/** Everything that was started is given to `cleanup` at once, so that it ends however the rest goes. */
export async function startSystem(
  options: LocalSystemOptions,
  cleanup: AsyncDisposableStack,
): Promise<LocalSystem> {
  const { projectDir, localDir, runDir, folder, fresh = false, sources = [], signal } = options;
  const { onStep: step } = options;
  let listener: Listener | undefined;
  let agentAddress: string | undefined;
  makeDirectory(folder);
  const release = await claimRunDirectory(runDir, { fresh, onProgress: step });
  const running: { cloud?: Cloud } = {};
  cleanup.defer(async () => {
    await running.cloud?.emulator?.stop();
    // An emulator that had to be killed has saved nothing: the next start must know.
    if (((await running.cloud?.emulator?.ended) ?? 0) === 0) await release();
  });
  const cloud = await reachCloud({ projectDir, localDir, runDir, port: options.port, step, signal });
  running.cloud = cloud;
  Object.assign(process.env, cloud.environment);

  const fileManager = await startFileManager({
    signingKey: LOCAL_SIGNING_KEY,
    onCall(line, call) {
      step(`files    ${printable(line)}`);
      listener?.onCall(call);
    },
  });
  cleanup.defer(fileManager.stop);
  // Functions of a user's endpoint may be where this loopback is another one.
  const gate = cloud.emulator === undefined ? undefined : await startGate(cloud.endpoint);
  if (gate !== undefined) cleanup.defer(gate.stop);
  const settingsFile = join(runDir, 'sluice.yaml');
  const distribution = await localDistribution();
  const settings = await localSettings(join(projectDir, 'infra/local/sluice.yaml'), settingsFile, {
    endpoint: gate?.url ?? cloud.endpoint,
    fileManager: fileManager.url,
    distribution,
  });
  await createSurroundings(settings);
  step('deploying with cdk');
  const cdk = { projectDir, runDir, settingsFile, environment: cloud.environment, signal };
  await bootstrap(cdk);
  const outputs = await deploy(cdk);
  const {
    HubName = '',
    LedgerName = '',
    ReportsName = '',
    StateReport = '',
    AgentLocalQueueUrl = '',
  } = outputs;
  await tagForRemoval([HubName, ReportsName]);

  const watch = await watchCloud({
    ledger: LedgerName,
    reports: ReportsName,
    stateReport: StateReport,
    onNotice(notice) {
      const line = noticeLine(notice, ReportsName);
      if (line !== undefined) step(printable(line));
      listener?.onNotice(notice);
    },
    signal,
  });
  const agent = await superviseAgent(() =>
    startAgent({
      ...{ projectDir, folder },
      stateDir: join(runDir, 'agents'),
      endpoint: cloud.endpoint,
      bucket: HubName,
      queue: AgentLocalQueueUrl,
      environment: cloud.environment,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      onLine(text) {
        const line = parseAgentLine(text);
        options.onAgentText(printable(line === undefined ? text : agentLineText(line)));
        if (line === undefined) return;
        if (line.message === 'status page') agentAddress = line.key;
        listener?.onAgentLine(line);
      },
    }),
  );
  cleanup.defer(agent.stop);
  const reloading = reloadOnChange({
    sources,
    restartAgent: agent.restart,
    deploy: () => deploy(cdk),
    onLine: step,
    signal,
  });
  cleanup.defer(reloading.idle);

  return {
    endpoint: cloud.endpoint,
    settings,
    outputs,
    hub: HubName,
    reports: ReportsName,
    distribution,
    folder,
    fileManager,
    agent,
    agentAddress: () => agentAddress,
    watch,
    gate,
    listen(next) {
      listener = next;
    },
    async follow() {
      const ended = await Promise.race([
        watch.follow(),
        reloading.failed,
        agent.ended.then((how) => `the agent ended (${how})`),
        ...(cloud.emulator ? [cloud.emulator.ended.then((how) => `the emulator ended (${how})`)] : []),
      ]);
      if (!signal.aborted) throw new SyncError(ended ?? 'stopped', { op: 'start', retryable: false });
    },
  };
}

/** Control characters of a key would let it forge lines or paint the terminal. */
function printable(line: string): string {
  return line.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => JSON.stringify(character).slice(1, -1));
}
