import { beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import { OwnerGraph } from './owner-graph.ts'

const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true }

let heard: string[]
let graph: OwnerGraph

beforeEach(() => {
  heard = []
  graph = new OwnerGraph({
    attemptToDelete: (uid) => heard.push(`delete ${uid}`),
    attemptToOrphan: (uid) => heard.push(`orphan ${uid}`),
    absent: (node) => heard.push(`absent ${node.uid}`),
    invalidNamespace: (dependent, { uid }) => heard.push(`invalid ${dependent.uid} -> ${uid}`),
  })
})

function object(uid: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: uid, namespace: 'a', uid, ...metadata } }
}

function ownedBy(uid: string, more: Partial<OwnerReference> = {}) {
  return { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid, ...more }] }
}

const going = (finalizer: string) => ({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [finalizer] })

describe('OwnerGraph', () => {
  it('an object whose owner is known is left alone', () => {
    graph.set(CONFIG_MAPS, object('owner'))
    graph.set(CONFIG_MAPS, object('leaf', ownedBy('owner')))
    expect(heard).toEqual([])
    expect(graph.dependentsOf('owner').map((d) => d.uid)).toEqual(['leaf'])
  })

  it('an object whose owner has not been seen is looked at', () => {
    graph.set(CONFIG_MAPS, object('leaf', ownedBy('owner')))
    expect(heard).toEqual(['delete leaf'])
  })

  it('dependents are looked at when their owner goes, and an owner that waits for them', () => {
    graph.set(CONFIG_MAPS, object('owner'))
    graph.set(CONFIG_MAPS, object('leaf', ownedBy('owner')))
    graph.remove('owner')
    expect(heard).toEqual(['absent owner', 'delete leaf'])
    heard = []
    graph.set(CONFIG_MAPS, object('owner', going('foregroundDeletion')))
    expect(heard).toEqual(['delete leaf', 'delete owner'])
    heard = []
    graph.remove('leaf')
    expect(heard).toEqual(['delete owner'])
  })

  it('an owner that is deleted with its dependents left behind', () => {
    graph.set(CONFIG_MAPS, object('owner'))
    graph.set(CONFIG_MAPS, object('owner', going('orphan')))
    graph.set(CONFIG_MAPS, object('owner', going('orphan')))
    expect(heard).toEqual(['orphan owner'])
  })

  it('only references that block count in foreground deletion; one that no longer does wakes the owner', () => {
    graph.set(CONFIG_MAPS, object('owner'))
    graph.set(CONFIG_MAPS, object('leaf', ownedBy('owner', { blockOwnerDeletion: true })))
    graph.set(CONFIG_MAPS, object('other', ownedBy('owner')))
    expect(graph.blockingDependentsOf('owner').map((d) => d.uid)).toEqual(['leaf'])
    graph.set(CONFIG_MAPS, object('leaf', ownedBy('owner', { blockOwnerDeletion: false })))
    expect(heard).toEqual(['delete owner'])
    expect(graph.blockingDependentsOf('owner')).toEqual([])
  })

  it('an owner in another namespace is reported, whichever comes first', () => {
    graph.set(CONFIG_MAPS, object('owner', { namespace: 'b' }))
    graph.set(CONFIG_MAPS, object('leaf', ownedBy('owner')))
    expect(heard).toEqual(['invalid leaf -> owner', 'delete leaf'])
    heard = []
    graph.set(CONFIG_MAPS, object('early', ownedBy('late')))
    graph.set(CONFIG_MAPS, object('late', { namespace: 'b' }))
    expect(heard).toEqual(['delete early', 'invalid early -> late', 'delete early'])
  })
})
