import { hostname } from 'node:os'
import type { Command } from 'commander'
import { checkedElection, type LeaderElection } from '../cluster/leadership.ts'
import { durationMs } from './duration.ts'

/** Flags of leader election as commander hands them over. */
export interface LeaderElectionFlags {
  leaderElect: boolean
  leaderElectLeaseDuration: string
  leaderElectRenewDeadline: string
  leaderElectRetryPeriod: string
  leaderElectResourceName: string
  leaderElectResourceNamespace: string
}

/** Adds the flags that Kubernetes' own components have. `leaseName`: the component's own Lease in kube-system. */
export function addLeaderElectionFlags<C extends Command>(command: C, leaseName: string): C {
  return command
    .option('--leader-elect [bool]', 'work only while leading, where several run', true)
    .option('--leader-elect-lease-duration <duration>', 'how long others wait for a leader that is silent', '15s')
    .option('--leader-elect-renew-deadline <duration>', 'how long the leader tries to renew its lease', '10s')
    .option('--leader-elect-retry-period <duration>', 'how long to wait between two tries', '2s')
    .option('--leader-elect-resource-name <name>', 'name of the Lease', leaseName)
    .option('--leader-elect-resource-namespace <namespace>', 'namespace of the Lease', 'kube-system')
}

/** Undefined where nobody is to be elected. Errors: times that do not go together. */
export function leaderElectionOf(flags: LeaderElectionFlags): LeaderElection | undefined {
  if (!flags.leaderElect) return undefined
  return checkedElection({
    identity: `${hostname()}_${crypto.randomUUID()}`,
    lease: { namespace: flags.leaderElectResourceNamespace, name: flags.leaderElectResourceName },
    leaseDurationMs: durationMs(flags.leaderElectLeaseDuration),
    renewDeadlineMs: durationMs(flags.leaderElectRenewDeadline),
    retryPeriodMs: durationMs(flags.leaderElectRetryPeriod),
  })
}
