import { readFile } from 'node:fs/promises'
import { pino } from 'pino'
import { parseYaml } from '../apimachinery/schema/yaml-text.ts'
import { runScheduler } from '../cluster/scheduler-process.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'
import { acceptKnownFlags } from './known-flags.ts'
import { addLeaderElectionFlags, type LeaderElectionFlags, leaderElectionOf } from './leader-election-flags.ts'
import { addRequestRateFlags, type RequestRateFlags, requestRateOf } from './request-rate-flags.ts'
import { addServingFlags, type ServingFlags, servingOf } from './serving-flags.ts'
import { endOnSignal } from './signals.ts'
import { SCHEDULER_FLAGS } from './upstream-flags.ts'

interface Flags extends LeaderElectionFlags, RequestRateFlags, ServingFlags {
  kubeconfig?: string
  config?: string
}

/** `kubemu scheduler`: the scheduler alone, over HTTP, with kube-scheduler's own flag names. */
export function schedulerCommand(): FlagCommand {
  return acceptKnownFlags(withOwnFlags(), SCHEDULER_FLAGS)
}

function withOwnFlags(): FlagCommand {
  const command = new FlagCommand('scheduler')
    .description('Run the scheduler alone, against the API server of a kubeconfig')
    .option('--kubeconfig <file>', 'how to reach the API server')
    .option('--config <file>', 'KubeSchedulerConfiguration that names the kubeconfig')
  addRequestRateFlags(command)
  addServingFlags(command, 10259)
  return addLeaderElectionFlags(command, 'kube-scheduler').action(async (flags: Flags) => {
    await run(flags).catch(failWith)
  })
}

async function run(flags: Flags): Promise<void> {
  const kubeconfig = flags.kubeconfig ?? (await kubeconfigOf(flags.config))
  const options = {
    kubeconfig,
    leaderElection: leaderElectionOf(flags),
    serving: servingOf(flags),
    rate: requestRateOf(flags),
  }
  endOnSignal((await runScheduler(options, pino())).stop)
}

/** Of a KubeSchedulerConfiguration only `clientConnection.kubeconfig` counts: the scheduler has upstream's default profile. */
async function kubeconfigOf(file: string | undefined): Promise<string> {
  if (file === undefined) throw new Error('--kubeconfig or --config must say how to reach the API server')
  const { value } = parseYaml(await readFile(file, 'utf8'))
  const configuration = (value ?? {}) as { clientConnection?: { kubeconfig?: unknown } }
  const kubeconfig = configuration.clientConnection?.kubeconfig
  if (typeof kubeconfig === 'string' && kubeconfig !== '') return kubeconfig
  throw new Error(`${file} names no clientConnection.kubeconfig`)
}
