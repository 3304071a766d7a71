import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { type KubemuProcess, startUp } from '../suites/kubemu-process.ts'
import { workloadCases } from '../suites/workload-cases.ts'

describe('kubemu up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-workloads-'))
  const kubectl = new CommandLine(kubectlBinary(), join(folder, 'kubeconfig'), folder)
  let up: KubemuProcess

  beforeAll(async () => {
    up = await startUp(folder, '--nodes=3')
  })

  afterAll(async () => {
    await up?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  workloadCases(() => kubectl)
})
