import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import type { OwnerReference } from '../../src/apimachinery/types/meta-v1.ts'
import { clusterControllers, clusterLoops } from '../../src/controllers/cluster/cluster-controllers.ts'
import {
  CLUSTER_ROLES,
  CONFIG_MAPS,
  NAMESPACES,
  SECRETS,
  SERVICE_ACCOUNTS,
} from '../../src/controllers/runtime/resources.ts'
import { TestPlane } from '../suites/control-plane.ts'

const NAMESPACE = 'default'

let test: TestPlane

beforeEach(async () => {
  test = await TestPlane.start({ clock: systemClock })
  await test.runWith(clusterLoops(), clusterControllers({ rootCa: 'PEM' }))
})

afterEach(async () => {
  await test.close()
})

function configMap(name: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE, ...metadata } }
}

function owner({ kind, apiVersion, metadata }: KubeObject, more: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion, kind, name: metadata.name!, uid: metadata.uid!, ...more }
}

const key = (name: string) => ({ namespace: NAMESPACE, name })
const gone = (object: unknown): boolean => object === undefined

describe('namespaces', () => {
  it('a new namespace gets its default service account and the root certificates', async () => {
    await test.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh' } })
    await test.until(SERVICE_ACCOUNTS, { namespace: 'fresh', name: 'default' }, (o) => o !== undefined)
    const rootCa = await test.until(CONFIG_MAPS, { namespace: 'fresh', name: 'kube-root-ca.crt' }, (o) => !!o)
    expect(rootCa.data).toEqual({ 'ca.crt': 'PEM' })
    await test.client.delete(SERVICE_ACCOUNTS, { namespace: 'fresh', name: 'default' })
    await test.until(SERVICE_ACCOUNTS, { namespace: 'fresh', name: 'default' }, (o) => o !== undefined)
  })

  it('a deleted namespace is emptied and goes', async () => {
    const name = 'going'
    await test.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    await test.client.create(CONFIG_MAPS, configMap('one', { namespace: name }))
    await test.client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'two', namespace: name } })
    await test.client.delete(NAMESPACES, { namespace: '', name })
    await test.until(NAMESPACES, { namespace: '', name }, gone)
    expect((await test.client.list(CONFIG_MAPS, { namespace: name })).items).toEqual([])
  })

  it('a namespace whose content has finalizers says so', async () => {
    const name = 'held'
    await test.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    await test.client.create(CONFIG_MAPS, configMap('one', { namespace: name, finalizers: ['example.com/hold'] }))
    await test.client.delete(NAMESPACES, { namespace: '', name })
    const held = await test.until(
      NAMESPACES,
      { namespace: '', name },
      (n) => (n?.status?.conditions?.length ?? 0) === 5,
    )
    expect(held.status?.phase).toBe('Terminating')
    expect(
      held.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
    ).toEqual([
      ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
      [
        'NamespaceDeletionGroupVersionParsingFailure',
        'False',
        'ParsedGroupVersions',
        'All legacy kube types successfully parsed',
      ],
      [
        'NamespaceDeletionContentFailure',
        'False',
        'ContentDeleted',
        'All content successfully deleted, may be waiting on finalization',
      ],
      [
        'NamespaceContentRemaining',
        'True',
        'SomeResourcesRemain',
        'Some resources are remaining: configmaps. has 1 resource instances',
      ],
      [
        'NamespaceFinalizersRemaining',
        'True',
        'SomeFinalizersRemain',
        'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
      ],
    ])
  })
})

describe('garbage collector', () => {
  it('background: the dependents of a deleted owner go, and theirs', async () => {
    const top = await test.client.create(CONFIG_MAPS, configMap('top'))
    const middle = await test.client.create(CONFIG_MAPS, configMap('middle', { ownerReferences: [owner(top)] }))
    await test.client.create(CONFIG_MAPS, configMap('leaf', { ownerReferences: [owner(middle)] }))
    await test.client.delete(CONFIG_MAPS, key('top'), { propagationPolicy: 'Background' })
    await test.until(CONFIG_MAPS, key('leaf'), gone)
    await test.until(CONFIG_MAPS, key('middle'), gone)
  })

  it('foreground: the owner goes last, once a dependent that blocks it is gone', async () => {
    const top = await test.client.create(CONFIG_MAPS, configMap('top'))
    const held = { ownerReferences: [owner(top, { blockOwnerDeletion: true })], finalizers: ['example.com/hold'] }
    await test.client.create(CONFIG_MAPS, configMap('leaf', held))
    await test.client.delete(CONFIG_MAPS, key('top'), { propagationPolicy: 'Foreground' })
    await test.until(CONFIG_MAPS, key('leaf'), (o) => o?.metadata.deletionTimestamp !== undefined)
    expect((await test.client.get(CONFIG_MAPS, key('top'))).metadata.finalizers).toEqual(['foregroundDeletion'])
    await test.client.patch(CONFIG_MAPS, key('leaf'), 'merge', { metadata: { finalizers: null } })
    await test.until(CONFIG_MAPS, key('top'), gone)
  })

  it('orphan: the dependents stay and forget their owner', async () => {
    const top = await test.client.create(CONFIG_MAPS, configMap('top'))
    await test.client.create(CONFIG_MAPS, configMap('leaf', { ownerReferences: [owner(top)] }))
    await test.client.delete(CONFIG_MAPS, key('top'), { propagationPolicy: 'Orphan' })
    await test.until(CONFIG_MAPS, key('top'), gone)
    expect((await test.client.get(CONFIG_MAPS, key('leaf'))).metadata.ownerReferences).toBeUndefined()
  })

  it('an object with another owner left loses only the reference to the one that is gone', async () => {
    const [a, b] = [
      await test.client.create(CONFIG_MAPS, configMap('a')),
      await test.client.create(CONFIG_MAPS, configMap('b')),
    ]
    await test.client.create(CONFIG_MAPS, configMap('leaf', { ownerReferences: [owner(a), owner(b)] }))
    await test.client.delete(CONFIG_MAPS, key('a'), { propagationPolicy: 'Background' })
    const leaf = await test.until(CONFIG_MAPS, key('leaf'), (o) => o?.metadata.ownerReferences?.length === 1)
    expect(leaf.metadata.ownerReferences).toEqual([owner(b)])
  })

  it('an object whose owner never existed goes', async () => {
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'none' }
    await test.client.create(CONFIG_MAPS, configMap('leaf', { ownerReferences: [reference] }))
    await test.until(CONFIG_MAPS, key('leaf'), gone)
  })

  it('an object that names an owner of another namespace goes', async () => {
    await test.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } })
    const top = await test.client.create(CONFIG_MAPS, configMap('top', { namespace: 'other' }))
    await test.client.create(CONFIG_MAPS, configMap('leaf', { ownerReferences: [owner(top)] }))
    await test.until(CONFIG_MAPS, key('leaf'), gone)
  })

  it('an object of a kind of owner that is not served stays', async () => {
    const reference = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: 'w' }
    await test.client.create(CONFIG_MAPS, configMap('leaf', { ownerReferences: [reference] }))
    const top = await test.client.create(CONFIG_MAPS, configMap('top'))
    await test.client.create(CONFIG_MAPS, configMap('later', { ownerReferences: [owner(top)] }))
    await test.client.delete(CONFIG_MAPS, key('top'), { propagationPolicy: 'Background' })
    await test.until(CONFIG_MAPS, key('later'), gone)
    expect((await test.client.get(CONFIG_MAPS, key('leaf'))).metadata.name).toBe('leaf')
  })
})

describe('cluster roles', () => {
  it('one that aggregates has the rules of those that it selects', async () => {
    const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' }
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { to: 'all' } }] }
    await test.client.create(CLUSTER_ROLES, { ...role, metadata: { name: 'all' }, aggregationRule, rules: [] })
    await test.client.create(CLUSTER_ROLES, {
      ...role,
      metadata: { name: 'b', labels: { to: 'all' } },
      rules: [rule('pods')],
    })
    await test.client.create(CLUSTER_ROLES, {
      ...role,
      metadata: { name: 'a', labels: { to: 'all' } },
      rules: [rule('nodes'), rule('pods')],
    })
    // As a kube-apiserver tells of a role that gathers others' rules and has found none yet.
    const empty = { ...role, metadata: { name: 'c', labels: { to: 'all' } }, rules: null as never }
    await test.client.create(CLUSTER_ROLES, empty)
    const all = await test.until(CLUSTER_ROLES, { namespace: '', name: 'all' }, (r) => r?.rules?.length === 2)
    expect(all.rules).toEqual([rule('nodes'), rule('pods')])
  })
})
