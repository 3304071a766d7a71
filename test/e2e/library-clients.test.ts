import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request from 'supertest'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { clusterTest } from '../../src/cluster/vitest.ts'
import { clientNode } from '../suites/client-node.ts'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'

const test = clusterTest({ nodes: 1 })

/** Waits for what a client outside the cluster comes to see, for as long as the test may take. */
async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('clients of a cluster that a program has started', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubemu-clients-'))
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  test('supertest, over TLS', async ({ cluster }) => {
    const answer = await request(cluster.app.server)
      .get('/api/v1/namespaces/default')
      .trustLocalhost()
      .auth(cluster.token, { type: 'bearer' })
    expect([answer.status, answer.body.metadata.name]).toEqual([200, 'default'])
  })

  test('client-node, by the kubeconfig: an informer outlives cut watches and a reset', async ({ cluster }) => {
    const config = new clientNode.KubeConfig()
    config.loadFromString(cluster.kubeconfig)
    const core = config.makeApiClient(clientNode.CoreV1Api)
    const namespace = 'default'
    const informer = clientNode.makeInformer(config, '/api/v1/namespaces/default/configmaps', () =>
      core.listNamespacedConfigMap({ namespace }),
    )
    const seen: string[] = []
    informer.on('add', ({ metadata }) => void seen.push(`add ${metadata?.name}`))
    informer.on('delete', ({ metadata }) => void seen.push(`delete ${metadata?.name}`))
    // client-node tells of a broken watch and leaves it to its user to go on.
    informer.on('error', () => void informer.start())
    await informer.start()
    try {
      await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'first' } } })
      await until(() => seen.includes('add first'))
      cluster.faults.cutWatches({ resource: 'configmaps' }, 'reset')
      await cluster.client.resource('v1', 'ConfigMap').create({ metadata: { name: 'second' } })
      await until(() => seen.includes('add second'))
      await cluster.reset()
      await until(() => seen.includes('delete first') && seen.includes('delete second'))
    } finally {
      await informer.stop()
    }
  })

  test('kubectl, by a kubeconfig file', async ({ cluster }) => {
    const kubeconfig = join(folder, 'kubeconfig')
    await cluster.writeKubeconfig(kubeconfig)
    const kubectl = new CommandLine(kubectlBinary(), kubeconfig, folder)
    await kubectl.ok(['create', 'deployment', 'web', '--image=nginx'])
    await kubectl.ok(['rollout', 'status', 'deployment/web', '--timeout=60s'])
    expect((await cluster.client.resource('v1', 'Pod').list({ labelSelector: 'app=web' })).length).toBe(1)
  })
})
