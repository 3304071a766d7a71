import { describe, expect } from 'vitest'
import { clusterTest } from '../../src/cluster/vitest.ts'

const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })

const test = clusterTest({ nodes: 0, listen: false }, async (cluster) => {
  await cluster.apply(configMap('prepared'))
})

describe('the vitest fixture', () => {
  const seen: unknown[] = []

  test('hands out a cluster in which things can be made', async ({ cluster }) => {
    seen.push(cluster)
    await cluster.apply(configMap('left-behind'))
    await cluster.client.resource('v1', 'ConfigMap').delete('prepared')
  })

  test('hands out the same cluster as it was prepared', async ({ cluster }) => {
    expect(seen).toEqual([cluster])
    const maps = cluster.client.resource('v1', 'ConfigMap')
    expect(await maps.find('left-behind')).toBeUndefined()
    expect(await maps.find('prepared')).toBeDefined()
  })
})
