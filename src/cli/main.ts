#!/usr/bin/env node
import { Command } from 'commander'
import { KUBEMU_VERSION, KUBERNETES_VERSION } from '../api/version.ts'
import { apiserverCommand } from './apiserver.ts'
import { controllerManagerCommand } from './controller-manager.ts'
import { kubeconfigCommand } from './kubeconfig.ts'
import { nodesCommand } from './nodes.ts'
import { schedulerCommand } from './scheduler.ts'
import { traceCommand } from './trace.ts'
import { upCommand } from './up.ts'

const program = new Command('kubemu')
  .description('The Kubernetes API, complete and fast, in one process')
  .version(`${KUBEMU_VERSION} (Kubernetes ${KUBERNETES_VERSION.gitVersion})`)
  .addCommand(upCommand())
  .addCommand(apiserverCommand())
  .addCommand(controllerManagerCommand())
  .addCommand(schedulerCommand())
  .addCommand(nodesCommand())
  .addCommand(traceCommand())
  .addCommand(kubeconfigCommand())

await program.parseAsync()
