import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../../test/suites/control-plane.ts'
import type { ManualClock } from '../../../apimachinery/manual-clock.ts'
import type { ReplicaSet } from '../../../apimachinery/types/apps-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { EVENTS, PODS, REPLICA_SETS } from '../../runtime/resources.ts'
import type { PodObject } from '../pod-state.ts'
import { replicaSetController } from './replica-set-controller.ts'

let plane: TestPlane
beforeEach(async () => {
  plane = await TestPlane.start()
  await plane.run(replicaSetController as unknown as Controller)
})
afterEach(() => plane.close())

const WEB = { namespace: 'default', name: 'web' }

function replicaSet(spec: Partial<ReplicaSet['spec']> = {}): Typed<ReplicaSet> {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
      ...spec,
    },
  }
}

function pod(name: string, labels: Record<string, string>): PodObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'c', image: 'nginx' }] },
  }
}

async function setReady(target: PodObject, since: string): Promise<void> {
  await plane.client.updateSubresource(PODS, 'status', {
    ...target,
    status: {
      ...target.status,
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }],
    },
  })
}

const scale = (replicas: number) => plane.client.patch(REPLICA_SETS, WEB, 'merge', { spec: { replicas } })

test('creates the missing pods, owned by the ReplicaSet, and counts them in the status', async () => {
  const created = await plane.client.create(REPLICA_SETS, replicaSet())
  const pods = await plane.untilAll(PODS, 'default', (all) => all.length === 3)
  for (const { metadata } of pods) {
    expect(metadata.name).toMatch(/^web-[a-z0-9]{5}$/)
    expect(metadata.labels).toEqual({ app: 'web' })
    expect(metadata.ownerReferences).toEqual([
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'web',
        uid: created.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ])
    expect(metadata.managedFields?.map((m) => m.manager)).toEqual(['kube-controller-manager'])
  }
  const done = await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.replicas === 3)
  expect(done.status).toEqual({ replicas: 3, fullyLabeledReplicas: 3, observedGeneration: 1, terminatingReplicas: 0 })
  const events = await plane.untilAll(EVENTS, 'default', (all) => all.length === 3)
  expect(events[0]).toMatchObject({
    type: 'Normal',
    reason: 'SuccessfulCreate',
    source: { component: 'replicaset-controller' },
    reportingComponent: 'replicaset-controller',
    count: 1,
    involvedObject: { kind: 'ReplicaSet', name: 'web', apiVersion: 'apps/v1', uid: created.metadata.uid },
  })
  expect(events.map((e) => e.message).sort()).toEqual(pods.map((p) => `Created pod: ${p.metadata.name}`).sort())
})

test('a pod that is deleted is replaced, and never by more than one', async () => {
  await plane.client.create(REPLICA_SETS, replicaSet())
  const before = await plane.untilAll(PODS, 'default', (all) => all.length === 3)
  await plane.client.delete(PODS, { namespace: 'default', name: before[0]!.metadata.name! })
  const gone = before[0]!.metadata.uid
  const after = await plane.untilAll(
    PODS,
    'default',
    (all) => all.length === 3 && all.every((p) => p.metadata.uid !== gone),
  )
  expect(after).toHaveLength(3)
})

test('scaling down deletes the pods that are not ready first', async () => {
  await plane.client.create(REPLICA_SETS, replicaSet())
  const pods = await plane.untilAll(PODS, 'default', (all) => all.length === 3)
  await setReady(pods[1]!, '2026-01-01T00:00:00Z')
  await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.readyReplicas === 1)
  await scale(1)
  const left = await plane.untilAll(PODS, 'default', (all) => all.length === 1)
  expect(left[0]!.metadata.name).toBe(pods[1]!.metadata.name)
  await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.replicas === 1 && rs.status.observedGeneration === 2)
})

test('adopts orphans that the selector chooses and lets go of pods that it no longer does', async () => {
  await plane.client.create(PODS, pod('orphan', { app: 'web' }))
  const rs = await plane.client.create(REPLICA_SETS, replicaSet({ replicas: 2 }))
  const pods = await plane.untilAll(
    PODS,
    'default',
    (all) => all.length === 2 && all.every((p) => p.metadata.ownerReferences?.[0]?.uid === rs.metadata.uid),
  )
  expect(pods.map((p) => p.metadata.name)).toContain('orphan')
  await plane.client.patch(PODS, { namespace: 'default', name: 'orphan' }, 'merge', {
    metadata: { labels: { app: 'x' } },
  })
  const after = await plane.untilAll(PODS, 'default', (all) => all.length === 3)
  await plane.until(PODS, { namespace: 'default', name: 'orphan' }, (p) => p?.metadata.ownerReferences === undefined)
  expect(after.filter((p) => p.metadata.labels?.['app'] === 'web')).toHaveLength(2)
})

test('a ready pod is available only after minReadySeconds, without any event', async () => {
  const clock = plane.clock as ManualClock
  await plane.client.create(REPLICA_SETS, replicaSet({ replicas: 1, minReadySeconds: 10 }))
  const [first] = await plane.untilAll(PODS, 'default', (all) => all.length === 1)
  await setReady(first!, '2026-01-01T00:00:00Z')
  const ready = await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.readyReplicas === 1)
  expect(ready.status?.availableReplicas).toBeUndefined()
  clock.advance(10_000)
  await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.availableReplicas === 1)
})

test('a create that fails shows as condition and event, and goes away once it works', async () => {
  await plane.close()
  let isFull = true
  plane = await TestPlane.start({
    admission: () => [
      {
        name: 'Full',
        handles: (operation) => operation === 'CREATE',
        validate: ({ resource }) => {
          if (isFull && resource.resource === 'pods') throw new Error('exceeded quota')
        },
      },
    ],
  })
  await plane.run(replicaSetController as unknown as Controller)
  await plane.client.create(REPLICA_SETS, replicaSet({ replicas: 2 }))
  const failed = await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.conditions !== undefined)
  expect(failed.status?.conditions).toEqual([
    {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: 'exceeded quota',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ])
  const [event] = await plane.untilAll(EVENTS, 'default', (all) => all.length === 1)
  expect(event).toMatchObject({ type: 'Warning', reason: 'FailedCreate', message: 'Error creating: exceeded quota' })
  isFull = false
  ;(plane.clock as ManualClock).advance(60_000)
  await plane.until(REPLICA_SETS, WEB, (rs) => rs?.status?.replicas === 2 && rs.status.conditions === undefined)
})
