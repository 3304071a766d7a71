import { hostname } from 'node:os'
import { Command } from 'commander'
import { pino } from 'pino'
import { runControllerManager } from '../cluster/controller-manager-process.ts'
import { durationMs } from './duration.ts'
import { failWith } from './failure.ts'

interface Flags {
  kubeconfig: string
  leaderElect: string
  leaderElectLeaseDuration: string
  leaderElectRenewDeadline: string
  leaderElectRetryPeriod: string
  leaderElectResourceName: string
  leaderElectResourceNamespace: string
  useServiceAccountCredentials?: boolean | string
  rootCaFile?: string
  serviceAccountPrivateKeyFile?: string
}

/** `kubemu controller-manager`: the controllers alone, over HTTP, with kube-controller-manager's own flag names. */
export function controllerManagerCommand(): Command {
  return new Command('controller-manager')
    .description('Run the controllers alone, against the API server of a kubeconfig')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
    .option('--leader-elect <bool>', 'work only while leading, where several run', 'true')
    .option('--leader-elect-lease-duration <duration>', 'how long others wait for a leader that is silent', '15s')
    .option('--leader-elect-renew-deadline <duration>', 'how long the leader tries to renew its lease', '10s')
    .option('--leader-elect-retry-period <duration>', 'how long to wait between two tries', '2s')
    .option('--leader-elect-resource-name <name>', 'name of the Lease', 'kube-controller-manager')
    .option('--leader-elect-resource-namespace <namespace>', 'namespace of the Lease', 'kube-system')
    .option('--use-service-account-credentials [bool]', 'act as a service account of its own for each controller')
    .option('--root-ca-file <file>', 'certificates that the API server is verified with, to be published')
    .option('--service-account-private-key-file <file>', 'key that signs the tokens which Secrets ask for')
    .action(async (flags: Flags) => {
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
  }
  const stop = await runControllerManager(options, pino())
  const end = async (): Promise<void> => {
    await stop()
    process.exit(0)
  }
  process.once('SIGINT', () => void end())
  process.once('SIGTERM', () => void end())
}

function leaderElectionOf(flags: Flags) {
  if (flags.leaderElect === 'false') return undefined
  return {
    identity: `${hostname()}_${crypto.randomUUID()}`,
    lease: { namespace: flags.leaderElectResourceNamespace, name: flags.leaderElectResourceName },
    leaseDurationMs: durationMs(flags.leaderElectLeaseDuration),
    renewDeadlineMs: durationMs(flags.leaderElectRenewDeadline),
    retryPeriodMs: durationMs(flags.leaderElectRetryPeriod),
  }
}
