import { Command } from 'commander'
import { pino } from 'pino'
import { runControllerManager } from '../cluster/controller-manager-process.ts'
import { failWith } from './failure.ts'
import { acceptKnownFlags, CONTROLLER_MANAGER_FLAGS } from './known-flags.ts'
import { addLeaderElectionFlags, type LeaderElectionFlags, leaderElectionOf } from './leader-election-flags.ts'
import { addServingFlags, type ServingFlags, servingOf } from './serving-flags.ts'
import { endOnSignal } from './signals.ts'

interface Flags extends LeaderElectionFlags, ServingFlags {
  kubeconfig: string
  useServiceAccountCredentials?: boolean | string
  rootCaFile?: string
  serviceAccountPrivateKeyFile?: string
}

/** `kubemu controller-manager`: the controllers alone, over HTTP, with kube-controller-manager's own flag names. */
export function controllerManagerCommand(): Command {
  return acceptKnownFlags(withOwnFlags(), CONTROLLER_MANAGER_FLAGS)
}

function withOwnFlags(): Command {
  const command = new Command('controller-manager')
    .description('Run the controllers alone, against the API server of a kubeconfig')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--use-service-account-credentials [bool]', 'act as a service account of its own for each controller')
    .option('--root-ca-file <file>', 'certificates that the API server is verified with, to be published')
    .option('--service-account-private-key-file <file>', 'key that signs the tokens which Secrets ask for')
  addServingFlags(command, 10257)
  return addLeaderElectionFlags(command, 'kube-controller-manager').action(async (flags: Flags) => {
    await run(flags).catch(failWith)
  })
}

async function run(flags: Flags): Promise<void> {
  const { useServiceAccountCredentials: credentials } = flags
  const options = {
    kubeconfig: flags.kubeconfig,
    useServiceAccountCredentials: credentials === true || credentials === 'true',
    rootCaFile: flags.rootCaFile,
    serviceAccountKeyFile: flags.serviceAccountPrivateKeyFile,
    leaderElection: leaderElectionOf(flags),
    serving: servingOf(flags),
  }
  endOnSignal((await runControllerManager(options, pino())).stop)
}
