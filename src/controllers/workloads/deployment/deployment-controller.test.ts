import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../../test/suites/control-plane.ts'
import { podRunner } from '../../../../test/suites/pod-runner.ts'
import type { ManualClock } from '../../../apimachinery/manual-clock.ts'
import type { Deployment, DeploymentSpec } from '../../../apimachinery/types/apps-v1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS } from '../../runtime/resources.ts'
import { replicaSetController } from '../replica-set/replica-set-controller.ts'
import { deploymentController } from './deployment-controller.ts'
import { isComplete } from './deployment-status.ts'

const WEB = { namespace: 'default', name: 'web' }
const START = '2026-01-01T00:00:00Z'

let plane: TestPlane
let fate: (pod: Pod) => 'ready' | 'failed' | undefined
beforeEach(async () => {
  fate = () => 'ready'
  plane = await TestPlane.start()
  const controllers = [deploymentController, replicaSetController] as unknown as Controller[]
  await plane.run(
    ...controllers,
    podRunner((pod) => fate(pod)),
  )
})
afterEach(() => plane.close())

function deployment(image: string, spec: Partial<DeploymentSpec> = {}): Typed<Deployment> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', annotations: { team: 'blue' } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
      ...spec,
    },
  }
}

const create = (spec?: Partial<DeploymentSpec>) => plane.client.create(DEPLOYMENTS, deployment('nginx:1', spec))
const merge = (patch: object) => plane.client.patch(DEPLOYMENTS, WEB, 'merge', patch as Record<string, unknown>)
const setImage = (image: string) => merge({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } })
const settled = () => plane.until(DEPLOYMENTS, WEB, (d) => d !== undefined && isComplete(d, d.status))
const progressing = (d: Deployment | undefined) => d?.status?.conditions?.find((c) => c.type === 'Progressing')
const isComplete1 = (d: Deployment | undefined) => progressing(d)?.reason === 'NewReplicaSetAvailable'

test('rolls out a new Deployment: one ReplicaSet with revision 1, conditions and events as upstream', async () => {
  const { metadata } = await create()
  await settled()
  const done = await plane.until(DEPLOYMENTS, WEB, isComplete1)
  const [rs] = await plane.untilAll(REPLICA_SETS, 'default', (all) => all.length === 1)
  const hash = rs!.metadata.labels!['pod-template-hash']!
  expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
  expect(rs!.metadata).toMatchObject({
    name: `web-${hash}`,
    labels: { app: 'web', 'pod-template-hash': hash },
    annotations: {
      team: 'blue',
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    },
    ownerReferences: [
      { kind: 'Deployment', name: 'web', uid: metadata.uid, controller: true, blockOwnerDeletion: true },
    ],
  })
  expect(rs!.spec!.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash })
  expect(done.metadata.annotations).toEqual({ team: 'blue', 'deployment.kubernetes.io/revision': '1' })
  expect(done.status).toMatchObject({
    observedGeneration: 1,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    terminatingReplicas: 0,
  })
  expect(done.status!.unavailableReplicas).toBeUndefined()
  expect(done.status!.conditions).toEqual([
    {
      type: 'Available',
      status: 'True',
      reason: 'MinimumReplicasAvailable',
      message: 'Deployment has minimum availability.',
      lastTransitionTime: START,
      lastUpdateTime: START,
    },
    {
      type: 'Progressing',
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "web-${hash}" has successfully progressed.`,
      lastTransitionTime: START,
      lastUpdateTime: START,
    },
  ])
  const events = await plane.untilAll(EVENTS, 'default', (all) =>
    all.some((e) => e.source?.component === 'deployment-controller'),
  )
  const own = events.filter((e) => e.involvedObject.kind === 'Deployment')
  expect(own.map((e) => [e.reason, e.message])).toEqual([
    ['ScalingReplicaSet', `Scaled up replica set web-${hash} from 0 to 3`],
  ])
})

test('a new template rolls over within surge and unavailable, and keeps the old ReplicaSet as history', async () => {
  await create({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } })
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  let most = 0
  let least = 4
  await plane.untilAll(PODS, 'default', (pods) => {
    most = Math.max(most, pods.filter((p) => !p.metadata.deletionTimestamp).length)
    return true
  })
  const stop = plane.client.watch(
    DEPLOYMENTS,
    { resourceVersion: '1' },
    {
      event: (e) => {
        if (e.type !== 'MODIFIED' || e.object.metadata.generation !== 2) return
        least = Math.min(least, e.object.status?.availableReplicas ?? 0)
        most = Math.max(most, e.object.status?.replicas ?? 0)
      },
      end: () => {},
    },
  )
  await setImage('nginx:2')
  await plane.until(DEPLOYMENTS, WEB, (d) => d!.metadata.generation === 2 && isComplete(d!, d!.status))
  stop()
  expect(most).toBeLessThanOrEqual(5)
  expect(least).toBeGreaterThanOrEqual(3)
  const sets = await plane.untilAll(REPLICA_SETS, 'default', (all) => all.length === 2)
  const byRevision = Object.fromEntries(
    sets.map((rs) => [rs.metadata.annotations!['deployment.kubernetes.io/revision'], rs.spec!.replicas]),
  )
  expect(byRevision).toEqual({ 1: 0, 2: 4 })
})

test('going back to an old template takes its ReplicaSet again, with a new revision and the old one in its history', async () => {
  await create()
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  await setImage('nginx:2')
  await plane.until(DEPLOYMENTS, WEB, (d) => d!.metadata.generation === 2 && isComplete(d!, d!.status))
  await setImage('nginx:1')
  await plane.until(DEPLOYMENTS, WEB, (d) => d!.metadata.generation === 3 && isComplete(d!, d!.status))
  const sets = await plane.untilAll(REPLICA_SETS, 'default', (all) => all.length === 2)
  const current = sets.find((rs) => rs.spec!.replicas === 3)!
  expect(current.spec!.template!.spec!.containers[0]!.image).toBe('nginx:1')
  expect(current.metadata.annotations).toMatchObject({
    'deployment.kubernetes.io/revision': '3',
    'deployment.kubernetes.io/revision-history': '1',
  })
  await plane.until(DEPLOYMENTS, WEB, (d) => d!.metadata.annotations!['deployment.kubernetes.io/revision'] === '3')
})

test('old ReplicaSets beyond revisionHistoryLimit are deleted, the oldest first', async () => {
  await create({ revisionHistoryLimit: 1 })
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  for (const generation of [2, 3]) {
    await setImage(`nginx:${generation}`)
    await plane.until(DEPLOYMENTS, WEB, (d) => d!.metadata.generation === generation && isComplete(d!, d!.status))
  }
  const left = await plane.untilAll(
    REPLICA_SETS,
    'default',
    (all) =>
      all.length === 2 && all.some((rs) => rs.metadata.annotations!['deployment.kubernetes.io/revision'] === '3'),
  )
  const revisions = left.map((rs) => rs.metadata.annotations!['deployment.kubernetes.io/revision']).sort()
  expect(revisions).toEqual(['2', '3'])
})

test('a paused Deployment scales but does not roll out; resumed it goes on', async () => {
  await create()
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  await merge({ spec: { paused: true } })
  await plane.until(DEPLOYMENTS, WEB, (d) => progressing(d)?.reason === 'DeploymentPaused')
  await setImage('nginx:2')
  await merge({ spec: { replicas: 5 } })
  const paused = await plane.until(DEPLOYMENTS, WEB, (d) => d!.status?.availableReplicas === 5)
  expect(progressing(paused)).toMatchObject({ status: 'Unknown', message: 'Deployment is paused' })
  expect(await plane.untilAll(REPLICA_SETS, 'default', () => true)).toHaveLength(1)
  await merge({ spec: { paused: false } })
  await plane.until(DEPLOYMENTS, WEB, (d) => d!.metadata.generation === 5 && isComplete(d!, d!.status))
  expect(await plane.untilAll(REPLICA_SETS, 'default', () => true)).toHaveLength(2)
})

test('Recreate deletes all old pods before it creates a new one', async () => {
  await create({ strategy: { type: 'Recreate' } })
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  await setImage('nginx:2')
  await plane.untilAll(PODS, 'default', (pods) => {
    const images = new Set(pods.map((p) => p.spec!.containers[0]!.image))
    expect(images.size).toBeLessThan(2)
    return pods.length === 3 && images.has('nginx:2')
  })
})

test('a rollout that does not progress misses its deadline, and recovers with a better template', async () => {
  await create()
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  fate = (pod) => (pod.spec?.containers[0]?.image === 'broken' ? undefined : 'ready')
  await setImage('broken')
  await plane.until(
    DEPLOYMENTS,
    WEB,
    (d) => d!.status?.updatedReplicas === 1 && progressing(d)?.reason === 'ReplicaSetUpdated',
  )
  const clock = plane.clock as ManualClock
  clock.advance(602_000)
  const late = await plane.until(DEPLOYMENTS, WEB, (d) => progressing(d)?.reason === 'ProgressDeadlineExceeded')
  expect(progressing(late)).toMatchObject({
    status: 'False',
    message: expect.stringMatching(/^ReplicaSet "web-[a-z0-9]+" has timed out progressing\.$/),
  })
  await setImage('nginx:3')
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
})

test('a Deployment that is deleted in the foreground only keeps its status', async () => {
  await create()
  await plane.until(DEPLOYMENTS, WEB, isComplete1)
  await plane.client.delete(DEPLOYMENTS, WEB, { propagationPolicy: 'Foreground' })
  await merge({ spec: { replicas: 7 } })
  await plane.until(DEPLOYMENTS, WEB, (d) => d!.status?.observedGeneration === d!.metadata.generation)
  expect(await plane.untilAll(PODS, 'default', () => true)).toHaveLength(3)
})
