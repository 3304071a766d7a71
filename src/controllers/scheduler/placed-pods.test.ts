import { expect, test } from 'vitest'
import { parseLabelSelector } from '../../apimachinery/label-selector.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { ClusterState } from './cluster-state.ts'

function pod(name: string, nodeName: string, labels: Record<string, string>, namespace = 'default'): Pod {
  return {
    metadata: { name, namespace, uid: `${namespace}/${name}`, labels },
    spec: { containers: [{ name: 'c', image: 'i' }], nodeName },
  }
}

function counts(cluster: ClusterState, selector: string, namespace = 'default'): Record<string, number> {
  const found = cluster.countByNode(parseLabelSelector(selector), namespace)
  return Object.fromEntries([...found].map(([node, count]) => [node.name, count]))
}

test('pods that a selector selects are counted by node, in their namespace only', () => {
  const cluster = new ClusterState()
  cluster.setPod(pod('a', 'n1', { app: 'web', tier: 'front' }))
  cluster.setPod(pod('b', 'n1', { app: 'web', tier: 'back' }))
  cluster.setPod(pod('c', 'n2', { app: 'web' }))
  cluster.setPod(pod('d', 'n2', { app: 'db', tier: 'back' }))
  cluster.setPod(pod('e', 'n3', { app: 'web' }, 'other'))
  expect(counts(cluster, 'app=web')).toEqual({ n1: 2, n2: 1 })
  expect(counts(cluster, 'app=web,tier=back')).toEqual({ n1: 1 })
  expect(counts(cluster, 'tier in (back,front)')).toEqual({ n1: 2, n2: 1 })
  expect(counts(cluster, 'app=web,!tier')).toEqual({ n2: 1 })
  expect(counts(cluster, 'app=web', 'other')).toEqual({ n3: 1 })
  expect(counts(cluster, 'app=none')).toEqual({})
  // As upstream counts: an empty selector selects no pods here.
  expect(counts(cluster, '')).toEqual({})
})

test('pods that change their labels, move, end or are on their way out are counted anew', () => {
  const cluster = new ClusterState()
  cluster.setPod(pod('a', 'n1', { app: 'web' }))
  cluster.setPod(pod('b', 'n1', { app: 'web' }))
  cluster.setPod(pod('a', 'n1', { app: 'db' }))
  expect([counts(cluster, 'app=web'), counts(cluster, 'app=db')]).toEqual([{ n1: 1 }, { n1: 1 }])
  cluster.setPod(pod('b', 'n2', { app: 'web' }))
  expect(counts(cluster, 'app=web')).toEqual({ n2: 1 })
  const leaving = pod('b', 'n2', { app: 'web' })
  cluster.setPod({ ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })
  expect(counts(cluster, 'app=web')).toEqual({})
  cluster.removePod('default/b')
  cluster.removePod('default/a')
  expect([counts(cluster, 'app in (web,db)'), counts(cluster, 'app=db')]).toEqual([{}, {}])
})
