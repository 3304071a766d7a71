import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import type { Cluster } from '../../src/cluster/library-api.ts'

/** Resources of what every cluster begins with. */
const RESOURCES = [
  ['v1', 'Namespace'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['flowcontrol.apiserver.k8s.io/v1', 'FlowSchema'],
  ['flowcontrol.apiserver.k8s.io/v1', 'PriorityLevelConfiguration'],
  ['scheduling.k8s.io/v1', 'PriorityClass'],
  ['apiregistration.k8s.io/v1', 'APIService'],
] as const

let first: Cluster
let second: Cluster

beforeAll(async () => {
  // The first of the process makes these objects, the second one writes what the first one has made.
  first = await createCluster({ controllers: false, nodes: 0 })
  second = await createCluster({ controllers: false, nodes: 0, clock: 'manual' })
})

afterAll(async () => {
  await first.stop()
  await second.stop()
})

async function objectsOf(cluster: Cluster): Promise<readonly KubeObject[]> {
  const lists = RESOURCES.map(([apiVersion, kind]) => cluster.client.resource(apiVersion, kind).list())
  return (await Promise.all(lists)).flat() as KubeObject[]
}

/** Without what each has for itself; the order of members counts. */
const textOf = ({ metadata: { uid: _, resourceVersion: __, ...metadata }, ...object }: KubeObject): string =>
  JSON.stringify({ ...object, metadata }).replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '"time"')

test('a second cluster begins with the same objects as the first, each with a uid and a time of its own', async () => {
  const [made, written] = await Promise.all([objectsOf(first), objectsOf(second)])
  expect(made.length).toBeGreaterThan(150)
  expect(written.map(textOf)).toEqual(made.map(textOf))
  expect(new Set([...made, ...written].map((o) => o.metadata.uid)).size).toBe(made.length * 2)
  const now = second.clock.now()
  for (const { metadata } of written) {
    const { creationTimestamp, managedFields = [] } = metadata
    expect(Math.abs(Date.parse(creationTimestamp ?? '') - now)).toBeLessThan(1000)
    expect(managedFields.map((entry) => [entry.manager, entry.time])).toEqual([['kube-apiserver', creationTimestamp]])
  }
})

test('a fork puts back what default roles and bindings lack, and leaves the others alone', async () => {
  const roles = first.client.resource('rbac.authorization.k8s.io/v1', 'ClusterRole')
  const { rules } = await roles.get('system:kube-scheduler')
  await roles.patch('system:kube-scheduler', { rules: rules!.slice(1) })
  const before = await objectsOf(first)
  const fork = await first.fork()
  const after = await objectsOf(fork)
  await fork.stop()
  const changed = after.filter((o, i) => o.metadata.resourceVersion !== before[i]!.metadata.resourceVersion)
  expect(changed.map((o) => o.metadata.name)).toEqual(['system:kube-scheduler'])
  const completed = changed[0]!['rules'] as unknown[]
  expect(completed.slice(0, rules!.length - 1)).toEqual(rules!.slice(1))
  expect(completed).toContainEqual({ apiGroups: [''], resources: ['events'], verbs: ['create'] })
})
