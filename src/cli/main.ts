#!/usr/bin/env node
import { Command } from 'commander'
import { apiserverCommand } from './apiserver.ts'

const program = new Command('kubemu')
  .description('The Kubernetes API, complete and fast, in one process')
  .addCommand(apiserverCommand())

await program.parseAsync()
