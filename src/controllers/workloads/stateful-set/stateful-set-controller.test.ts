import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../../test/suites/control-plane.ts'
import { podRunner } from '../../../../test/suites/pod-runner.ts'
import type { StatefulSet, StatefulSetSpec } from '../../../apimachinery/types/apps-v1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { CONTROLLER_REVISIONS, EVENTS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS } from '../../runtime/resources.ts'
import { statefulSetController } from './stateful-set-controller.ts'

const DB = { namespace: 'default', name: 'db' }

let plane: TestPlane
let fate: (pod: Pod) => 'ready' | undefined
beforeEach(async () => {
  fate = () => 'ready'
  plane = await TestPlane.start()
  await plane.run(
    statefulSetController as unknown as Controller,
    podRunner((pod) => fate(pod)),
  )
})
afterEach(() => plane.close())

function create(spec: Partial<StatefulSetSpec> = {}): Promise<Typed<StatefulSet>> {
  return plane.client.create(STATEFUL_SETS, {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'default' },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image: 'pg:1' }] } },
      ...spec,
    },
  })
}

const patch = (body: object) => plane.client.patch(STATEFUL_SETS, DB, 'merge', body as Record<string, unknown>)
const setImage = (image: string) => patch({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } })
const ready = (count: number) =>
  plane.until(STATEFUL_SETS, DB, (set) => set?.status?.readyReplicas === count && set.status.replicas === count)
const names = (pods: readonly Pod[]) => pods.map((p) => p.metadata.name).sort()
const claimTemplate = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
}

test('creates pods one after the other, each with its name, labels, host name and claim', async () => {
  let created: string[] = []
  fate = () => undefined
  await create({ volumeClaimTemplates: [claimTemplate] })
  const [first] = await plane.untilAll(PODS, 'default', (pods) => pods.length === 1)
  expect(first!.metadata.name).toBe('db-0')
  fate = () => 'ready'
  await plane.client.patch(PODS, { namespace: 'default', name: 'db-0' }, 'merge', {
    metadata: { annotations: { go: '1' } },
  })
  await plane.untilAll(PODS, 'default', (pods) => {
    created = names(pods) as string[]
    const waiting = pods.filter((p) => p.status?.phase !== 'Running')
    expect(waiting.length).toBeLessThan(2)
    return pods.length === 3
  })
  expect(created).toEqual(['db-0', 'db-1', 'db-2'])
  const set = await ready(3)
  const revision = set.status!.currentRevision!
  expect(set.status).toEqual({
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    currentRevision: revision,
    updateRevision: revision,
    collisionCount: 0,
  })
  const pod = await plane.until(PODS, { namespace: 'default', name: 'db-1' }, (p) => p !== undefined)
  expect(pod.metadata.labels).toEqual({
    app: 'db',
    'apps.kubernetes.io/pod-index': '1',
    'controller-revision-hash': revision,
    'statefulset.kubernetes.io/pod-name': 'db-1',
  })
  expect(pod.spec).toMatchObject({ hostname: 'db-1', subdomain: 'db' })
  expect(pod.spec!.volumes![0]).toEqual({ name: 'data', persistentVolumeClaim: { claimName: 'data-db-1' } })
  const claims = await plane.untilAll(PERSISTENT_VOLUME_CLAIMS, 'default', (all) => all.length === 3)
  expect(claims.map((c) => c.metadata.name).sort()).toEqual(['data-db-0', 'data-db-1', 'data-db-2'])
  expect(claims[0]!.metadata.labels).toEqual({ app: 'db' })
  const events = await plane.untilAll(EVENTS, 'default', (all) => all.length === 6)
  expect(events.map((e) => e.message)).toContain('Create Claim data-db-0 Pod db-0 in StatefulSet db success')
  expect(events.map((e) => e.message)).toContain('Create Pod db-0 in StatefulSet db successful')
})

test('scales down from the highest ordinal, one at a time', async () => {
  await create()
  await ready(3)
  const order: (string | undefined)[] = []
  const stop = plane.client.watch(
    PODS,
    { resourceVersion: (await plane.client.list(PODS)).resourceVersion },
    { event: (e) => void (e.type === 'DELETED' && order.push(e.object.metadata.name)), end: () => {} },
  )
  await patch({ spec: { replicas: 1 } })
  await plane.untilAll(PODS, 'default', (pods) => pods.length === 1)
  await ready(1)
  stop()
  expect(order).toEqual(['db-2', 'db-1'])
})

test('Parallel creates all pods at once', async () => {
  fate = () => undefined
  await create({ podManagementPolicy: 'Parallel' })
  await plane.untilAll(PODS, 'default', (pods) => pods.length === 3)
})

test('updates from the last pod to the first, and makes the new revision the current one', async () => {
  await create()
  const before = (await ready(3)).status!.currentRevision
  await setImage('pg:2')
  const set = await plane.until(
    STATEFUL_SETS,
    DB,
    (s) => s?.status?.observedGeneration === 2 && s.status.currentRevision !== before && s.status.readyReplicas === 3,
  )
  expect(set.status!.currentRevision).toBe(set.status!.updateRevision)
  const pods = await plane.untilAll(PODS, 'default', (all) => all.length === 3)
  expect(new Set(pods.map((p) => p.spec!.containers[0]!.image))).toEqual(new Set(['pg:2']))
  const revisions = await plane.untilAll(CONTROLLER_REVISIONS, 'default', (all) => all.length === 2)
  expect(revisions.map((r) => r.revision).sort()).toEqual([1, 2])
})

test('a partition keeps the pods below it, also when they are made anew', async () => {
  await create({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } })
  await ready(3)
  await setImage('pg:2')
  await plane.until(PODS, { namespace: 'default', name: 'db-2' }, (p) => p?.spec?.containers[0]?.image === 'pg:2')
  await plane.until(STATEFUL_SETS, DB, (s) => s?.status?.updatedReplicas === 1 && s.status.readyReplicas === 3)
  const { metadata } = await plane.until(PODS, { namespace: 'default', name: 'db-0' }, (p) => p !== undefined)
  await plane.client.delete(PODS, { namespace: 'default', name: 'db-0' })
  const again = await plane.until(
    PODS,
    { namespace: 'default', name: 'db-0' },
    (p) => p !== undefined && p.metadata.uid !== metadata.uid,
  )
  expect(again.spec!.containers[0]!.image).toBe('pg:1')
})

test('claims belong to the set where they are to go with it, and to a pod that is scaled away', async () => {
  await create({
    replicas: 2,
    volumeClaimTemplates: [claimTemplate],
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
  })
  await ready(2)
  const owned = await plane.untilAll(
    PERSISTENT_VOLUME_CLAIMS,
    'default',
    (all) => all.length === 2 && all.every((c) => c.metadata.ownerReferences?.[0]?.kind === 'StatefulSet'),
  )
  expect(owned).toHaveLength(2)
  await patch({ spec: { replicas: 1 } })
  await plane.until(
    PERSISTENT_VOLUME_CLAIMS,
    { namespace: 'default', name: 'data-db-1' },
    (c) => c?.metadata.ownerReferences?.length === 1 && c.metadata.ownerReferences[0]!.kind === 'Pod',
  )
})
