import { Command } from 'commander'
import { pino } from 'pino'
import { runScheduler } from '../cluster/scheduler-process.ts'
import { failWith } from './failure.ts'
import { addLeaderElectionFlags, type LeaderElectionFlags, leaderElectionOf } from './leader-election-flags.ts'
import { addServingFlags, type ServingFlags, servingOf } from './serving-flags.ts'
import { endOnSignal } from './signals.ts'

interface Flags extends LeaderElectionFlags, ServingFlags {
  kubeconfig: string
}

/** `kubemu scheduler`: the scheduler alone, over HTTP, with kube-scheduler's own flag names. */
export function schedulerCommand(): Command {
  const command = new Command('scheduler')
    .description('Run the scheduler alone, against the API server of a kubeconfig')
    .requiredOption('--kubeconfig <file>', 'how to reach the API server')
  addServingFlags(command, 10259)
  return addLeaderElectionFlags(command, 'kube-scheduler').action(async (flags: Flags) => {
    await run(flags).catch(failWith)
  })
}

async function run(flags: Flags): Promise<void> {
  const options = {
    kubeconfig: flags.kubeconfig,
    leaderElection: leaderElectionOf(flags),
    serving: servingOf(flags),
  }
  endOnSignal((await runScheduler(options, pino())).stop)
}
