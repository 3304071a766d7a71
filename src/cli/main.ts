#!/usr/bin/env node
import { KUBEMU_VERSION, KUBERNETES_VERSION } from '../api/version.ts'
import { apiserverCommand } from './apiserver.ts'
import { COMPONENTS, commandOfName } from './called-as.ts'
import { completionCommand } from './completion.ts'
import { controllerManagerCommand } from './controller-manager.ts'
import { FlagCommand } from './flag-command.ts'
import { kubeconfigCommand } from './kubeconfig.ts'
import { nodesCommand } from './nodes.ts'
import { schedulerCommand } from './scheduler.ts'
import { snapshotCommand } from './snapshot.ts'
import { traceCommand } from './trace.ts'
import { upCommand } from './up.ts'
import { versionCommand } from './version.ts'

const program = new FlagCommand('kubemu')
  .description('Run the Kubernetes API, complete and fast, in one process')
  .usage('<command> [flags]')
  .option('--version', 'print the version')
  .commandsGroup('A whole cluster:')
  .addCommand(upCommand())
  .commandsGroup("Its parts, with the flags of Kubernetes' own:")
  .addCommand(apiserverCommand())
  .addCommand(controllerManagerCommand())
  .addCommand(schedulerCommand())
  .addCommand(nodesCommand())
  .commandsGroup('Tools:')
  .addCommand(traceCommand())
  .addCommand(kubeconfigCommand())
  .addCommand(snapshotCommand())
  .commandsGroup('Other Commands:')
  .addCommand(completionCommand())
  .addCommand(versionCommand())
  .action(({ version }: { readonly version?: boolean }, command: FlagCommand) => {
    if (version) process.stdout.write(`${KUBEMU_VERSION} (Kubernetes ${KUBERNETES_VERSION.gitVersion})\n`)
    else command.outputHelp()
  })

const name = commandOfName()
const args = name === undefined ? process.argv.slice(2) : [name, ...process.argv.slice(2)]
if (COMPONENTS.has(args[0]!) && args.some((arg) => /^--version(=(true|raw))?$/.test(arg))) {
  // As Kubernetes' own programs print it: tools read it from there.
  process.stdout.write(`Kubernetes ${KUBERNETES_VERSION.gitVersion}\n`)
} else {
  void program.parseAsync(args, { from: 'user' })
}
