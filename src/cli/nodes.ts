import { pino } from 'pino'
import { runNodes } from '../cluster/nodes-process.ts'
import { failWith } from './failure.ts'
import { FlagCommand } from './flag-command.ts'
import { addLeaderElectionFlags, type LeaderElectionFlags, leaderElectionOf } from './leader-election-flags.ts'
import { endOnSignal } from './signals.ts'
import { portNumber, wholeNumber } from './whole-number.ts'

interface Flags extends LeaderElectionFlags {
  kubeconfig: string
  nodes: number
  namePrefix: string
  bindAddress: string
  port: number
  advertiseAddress?: string
  clientCaFile?: string
}

/** `kubemu nodes`: the simulated nodes alone, over HTTP. */
export function nodesCommand(): FlagCommand {
  const command = new FlagCommand('nodes')
    .description('Run simulated nodes alone, against the API server of a kubeconfig')
    .requiredOption('--kubeconfig <file>', "how to reach the API server; an administrator's")
    .option('--nodes <n>', 'nodes to register', wholeNumber(99_999), 1)
    .option('--name-prefix <text>', 'names of these nodes are this and a number', 'node-')
    .option('--bind-address <ip>', "address to serve the kubelets' API on", '127.0.0.1')
    .option('--port <port>', "port of the kubelets' API; 0: any that is free", portNumber, 10250)
    .option('--advertise-address <host>', 'name or address at which API servers reach this process')
    .option('--client-ca-file <file>', 'whose client certificates count; none: the authority of the kubeconfig')
  return addLeaderElectionFlags(command, 'kubemu-nodes').action(async (flags: Flags) => {
    await run(flags).catch(failWith)
  })
}

async function run(flags: Flags): Promise<void> {
  const { kubeconfig, nodes: count, namePrefix, bindAddress, port, advertiseAddress, clientCaFile } = flags
  const logger = pino()
  const options = { kubeconfig, count, namePrefix, bindAddress, port, advertiseAddress, clientCaFile }
  const running = await runNodes({ ...options, leaderElection: leaderElectionOf(flags) }, logger)
  endOnSignal(running.stop)
  const { hostname, port: served } = running.endpoint
  logger.info({ kubelets: `https://${hostname}:${served}` }, 'serving')
}
