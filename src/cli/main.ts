#!/usr/bin/env node
import { Command } from 'commander'
import { apiserverCommand } from './apiserver.ts'
import { kubeconfigCommand } from './kubeconfig.ts'

const program = new Command('kubemu')
  .description('The Kubernetes API, complete and fast, in one process')
  .addCommand(apiserverCommand())
  .addCommand(kubeconfigCommand())

await program.parseAsync()
