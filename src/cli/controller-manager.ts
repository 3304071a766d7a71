import { pino } from 'pino'
import { runControllerManager } from '../cluster/controller-manager-process.ts'
import { durationMs } from './duration.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'
import { acceptKnownFlags } from './known-flags.ts'
import { addLeaderElectionFlags, type LeaderElectionFlags, leaderElectionOf } from './leader-election-flags.ts'
import { addRequestRateFlags, type RequestRateFlags, requestRateOf } from './request-rate-flags.ts'
import { addServingFlags, type ServingFlags, servingOf } from './serving-flags.ts'
import { endOnSignal } from './signals.ts'
import { addSigningFlags, type SigningFlags, signingOf } from './signing-flags.ts'
import { CONTROLLER_MANAGER_FLAGS } from './upstream-flags.ts'

interface Flags extends LeaderElectionFlags, RequestRateFlags, ServingFlags, SigningFlags {
  kubeconfig: string
  useServiceAccountCredentials: boolean
  minResyncPeriod: string
  namespaceSyncPeriod: string
  pvclaimbinderSyncPeriod: string
  resourceQuotaSyncPeriod: string
  rootCaFile?: string
  serviceAccountPrivateKeyFile?: string
}

/** `kubemu controller-manager`: the controllers alone, over HTTP, with kube-controller-manager's own flag names. */
export function controllerManagerCommand(): FlagCommand {
  return acceptKnownFlags(withOwnFlags(), CONTROLLER_MANAGER_FLAGS)
}

function withOwnFlags(): FlagCommand {
  const command = new FlagCommand('controller-manager')
    .description('Run the controllers alone, against the API server of a kubeconfig')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option(
      '--use-service-account-credentials [bool]',
      'act as a service account of its own for each controller',
      false,
    )
    .option('--root-ca-file <file>', 'certificates that the API server is verified with, to be published')
    .option('--service-account-private-key-file <file>', 'key that signs the tokens which Secrets ask for')
    .option('--min-resync-period <duration>', 'look at everything again after this to twice as long', '12h')
    .option('--namespace-sync-period <duration>', 'how often namespaces are looked at again', '5m')
    .option('--pvclaimbinder-sync-period <duration>', 'how often volumes and claims are', '15s')
    .option('--resource-quota-sync-period <duration>', 'how often quotas are', '5m')
  addSigningFlags(command)
  addRequestRateFlags(command)
  addServingFlags(command, 10257)
  return addLeaderElectionFlags(command, 'kube-controller-manager').action(async (flags: Flags) => {
    await run(flags).catch(failWith)
  })
}

async function run(flags: Flags): Promise<void> {
  const options = {
    kubeconfig: flags.kubeconfig,
    useServiceAccountCredentials: flags.useServiceAccountCredentials,
    signing: signingOf(flags),
    rate: requestRateOf(flags),
    minResyncMs: durationMs(flags.minResyncPeriod),
    namespaceSyncMs: durationMs(flags.namespaceSyncPeriod),
    volumeSyncMs: durationMs(flags.pvclaimbinderSyncPeriod),
    quotaSyncMs: durationMs(flags.resourceQuotaSyncPeriod),
    rootCaFile: flags.rootCaFile,
    serviceAccountKeyFile: flags.serviceAccountPrivateKeyFile,
    leaderElection: leaderElectionOf(flags),
    serving: servingOf(flags),
  }
  endOnSignal((await runControllerManager(options, pino())).stop)
}
