#!/usr/bin/env node
import { Command } from 'commander'
import { KUBEMU_VERSION, KUBERNETES_VERSION } from '../api/version.ts'
import { apiserverCommand } from './apiserver.ts'
import { commandOfName } from './called-as.ts'
import { completionCommand } from './completion.ts'
import { controllerManagerCommand } from './controller-manager.ts'
import { programHelp } from './help.ts'
import { withDashes } from './known-flags.ts'
import { kubeconfigCommand } from './kubeconfig.ts'
import { nodesCommand } from './nodes.ts'
import { schedulerCommand } from './scheduler.ts'
import { snapshotCommand } from './snapshot.ts'
import { traceCommand } from './trace.ts'
import { upCommand } from './up.ts'
import { versionCommand } from './version.ts'

const program = new Command('kubemu')
  .description('kubemu runs the Kubernetes API, complete and fast, in one process.')
  .usage('<command> [flags]')
  .version(`${KUBEMU_VERSION} (Kubernetes ${KUBERNETES_VERSION.gitVersion})`)
  .helpCommand(false)
  .showSuggestionAfterError()
  .configureHelp({ formatHelp: programHelp })
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

const name = commandOfName()
const args = process.argv.slice(2)
if (name === undefined) {
  await program.parseAsync(args, { from: 'user' })
} else if (args[0] === '--version') {
  // Tools read it from there.
  process.stdout.write(`Kubernetes ${KUBERNETES_VERSION.gitVersion}\n`)
} else {
  await program.parseAsync([name, ...withDashes(args)], { from: 'user' })
}
