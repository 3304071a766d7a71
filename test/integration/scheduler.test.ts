import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Node, PersistentVolumeClaim, Pod, PodSpec } from '../../src/apimachinery/types/core-v1.ts'
import { componentClient, SCHEDULER } from '../../src/cluster/component-client.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import {
  CSI_NODES,
  EVENTS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from '../../src/controllers/runtime/resources.ts'
import { type RunningScheduler, startScheduler } from '../../src/controllers/scheduler/scheduler.ts'
import { TestPlane } from '../suites/control-plane.ts'

let plane: TestPlane
let scheduler: RunningScheduler

beforeEach(async () => {
  plane = await TestPlane.start()
  const client = componentClient(plane.plane, SCHEDULER)
  scheduler = startScheduler(client, { clock: plane.clock, log: silentLogger })
  await scheduler.synced
})

afterEach(async () => {
  scheduler.stop()
  await plane.close()
})

const inDefault = (name: string) => ({ namespace: 'default', name })

async function createNode(name: string, cpu = '4'): Promise<Typed<Node>> {
  return await plane.client.create(NODES, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: { cpu, memory: '8Gi', pods: '110' } },
  })
}

async function createPod(name: string, cpu: string, spec: Partial<PodSpec> = {}): Promise<Typed<Pod>> {
  return await plane.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }], ...spec },
  })
}

const scheduledCondition = (pod: Typed<Pod> | undefined) =>
  pod?.status?.conditions?.find((c) => c.type === 'PodScheduled')

describe('scheduler', () => {
  test('a pod gets a node, the condition and an Event', async () => {
    await createNode('n1')
    await createPod('web', '1')
    const pod = await plane.until(PODS, inDefault('web'), (p) => p?.spec?.nodeName !== undefined)
    expect(pod.spec?.nodeName).toBe('n1')
    expect(scheduledCondition(pod)).toMatchObject({ status: 'True' })
    const events = await plane.untilAll(EVENTS, 'default', (all) => all.length > 0)
    expect(events[0]).toMatchObject({
      type: 'Normal',
      reason: 'Scheduled',
      message: 'Successfully assigned default/web to n1',
      action: 'Binding',
      reportingComponent: 'default-scheduler',
      source: {},
    })
  })

  test('a pod that does not fit says why, and gets its node once there is room', async () => {
    await createNode('small', '1')
    await createPod('big', '2')
    const waiting = await plane.until(PODS, inDefault('big'), (p) => scheduledCondition(p) !== undefined)
    expect(scheduledCondition(waiting)).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message:
        '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    })
    await createNode('large', '4')
    const placed = await plane.until(PODS, inDefault('big'), (p) => p?.spec?.nodeName !== undefined)
    expect(placed.spec?.nodeName).toBe('large')
  })

  test('without nodes a pod waits for the first one', async () => {
    await createPod('early', '1')
    const waiting = await plane.until(PODS, inDefault('early'), (p) => scheduledCondition(p) !== undefined)
    expect(scheduledCondition(waiting)?.message).toBe('no nodes available to schedule pods')
    await createNode('n1')
    await plane.until(PODS, inDefault('early'), (p) => p?.spec?.nodeName === 'n1')
  })

  test('gates hold a pod until the last one is gone', async () => {
    await createNode('n1')
    const gated = await createPod('gated', '1', { schedulingGates: [{ name: 'example.com/wait' }] })
    await createPod('free', '1')
    await plane.until(PODS, inDefault('free'), (p) => p?.spec?.nodeName === 'n1')
    expect((await plane.client.get(PODS, inDefault('gated'))).spec?.nodeName).toBeUndefined()
    await plane.client.update(PODS, { ...gated, spec: { ...gated.spec!, schedulingGates: [] } })
    await plane.until(PODS, inDefault('gated'), (p) => p?.spec?.nodeName === 'n1')
  })

  test('a more important pod takes the place of a less important one', async () => {
    await createNode('n1', '2')
    await createPod('low', '2', { priority: 0, terminationGracePeriodSeconds: 0 })
    await plane.until(PODS, inDefault('low'), (p) => p?.spec?.nodeName === 'n1')
    const high = await createPod('high', '2', { priority: 1000 })
    const placed = await plane.until(PODS, inDefault('high'), (p) => p?.spec?.nodeName === 'n1')
    expect(placed.metadata.uid).toBe(high.metadata.uid)
    const events = await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'Preempted'))
    expect(events.find((e) => e.reason === 'Preempted')).toMatchObject({
      action: 'Preempting',
      involvedObject: { name: 'low' },
      related: { kind: 'Pod', name: 'high', uid: high.metadata.uid },
      message: `Preempted by pod ${high.metadata.uid} on node n1`,
    })
  })

  test('a claim that waits for its first consumer learns the node, and the pod follows when it is bound', async () => {
    await createNode('n1')
    await plane.client.create(STORAGE_CLASSES, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'late' },
      provisioner: 'example.com/p',
      volumeBindingMode: 'WaitForFirstConsumer',
    })
    await plane.client.create(PERSISTENT_VOLUME_CLAIMS, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'default' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'late',
        resources: { requests: { storage: '1Gi' } },
      },
    })
    await createPod('db', '1', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] })
    const claim = await plane.until(
      PERSISTENT_VOLUME_CLAIMS,
      inDefault('data'),
      (c) => c?.metadata.annotations?.['volume.kubernetes.io/selected-node'] === 'n1',
    )
    await bindByHand(claim)
    await plane.until(PODS, inDefault('db'), (p) => p?.spec?.nodeName === 'n1')
  })

  describe('volumes that a node can hold', () => {
    const DRIVER = 'disk.example.com'

    async function limitNode(node: string, count: number): Promise<void> {
      await plane.client.create(CSI_NODES, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSINode',
        metadata: { name: node },
        spec: {
          drivers: [
            { name: DRIVER, nodeID: node, allocatable: { count } },
            { name: 'ebs.csi.aws.com', nodeID: node, allocatable: { count } },
          ],
        },
      })
    }

    async function createVolume(name: string, source: object = { csi: { driver: DRIVER, volumeHandle: name } }) {
      const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany'], storageClassName: '', ...source }
      await plane.client.create(PERSISTENT_VOLUMES, {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name },
        spec,
      } as never)
    }

    /** A claim that is bound to a volume, or waits for one of a class. */
    async function createClaim(name: string, spec: { volumeName?: string; storageClassName?: string }): Promise<void> {
      const annotations: Record<string, string> = spec.volumeName ? { 'pv.kubernetes.io/bind-completed': 'yes' } : {}
      await plane.client.create(PERSISTENT_VOLUME_CLAIMS, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace: 'default', annotations },
        spec: {
          accessModes: ['ReadWriteMany'],
          resources: { requests: { storage: '1Gi' } },
          storageClassName: '',
          ...spec,
        },
      })
    }

    const using = (...claims: string[]): Partial<PodSpec> => ({
      volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
    })
    const runs = (name: string) => plane.until(PODS, inDefault(name), (p) => p?.spec?.nodeName === 'n1')
    const isRefused = (name: string) =>
      plane.until(
        PODS,
        inDefault(name),
        (p) =>
          scheduledCondition(p)?.message?.startsWith('0/1 nodes are available: 1 node(s) exceed max volume count.') ===
          true,
      )

    test('are counted once for all pods that use them, and free again when a pod goes', async () => {
      await limitNode('n1', 1)
      await createNode('n1')
      for (const name of ['a', 'b']) {
        await createVolume(name)
        await createClaim(name, { volumeName: name })
      }
      await createPod('first', '1', using('a'))
      await runs('first')
      await createPod('same', '1', using('a'))
      await runs('same')
      await createPod('other', '1', using('b'))
      await isRefused('other')
      await plane.client.delete(PODS, inDefault('same'), { gracePeriodSeconds: 0 })
      await plane.client.delete(PODS, inDefault('first'), { gracePeriodSeconds: 0 })
      await runs('other')
    })

    test('count while they are attached, whoever uses them', async () => {
      await limitNode('n1', 1)
      await createNode('n1')
      await createVolume('left')
      await createVolume('b')
      await createClaim('b', { volumeName: 'b' })
      const attachment = await plane.client.create(VOLUME_ATTACHMENTS, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'VolumeAttachment',
        metadata: { name: 'left' },
        spec: { attacher: DRIVER, nodeName: 'n1', source: { persistentVolumeName: 'left' } },
      })
      await createPod('late', '1', using('b'))
      await isRefused('late')
      await plane.client.delete(VOLUME_ATTACHMENTS, { namespace: '', name: attachment.metadata.name! })
      await runs('late')
    })

    test('that are yet to be made count for the provisioner of their class', async () => {
      await limitNode('n1', 1)
      await createNode('n1')
      await plane.client.create(STORAGE_CLASSES, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'late' },
        provisioner: DRIVER,
        volumeBindingMode: 'WaitForFirstConsumer',
      })
      await createClaim('c1', { storageClassName: 'late' })
      await createClaim('c2', { storageClassName: 'late' })
      await createPod('both', '1', using('c1', 'c2'))
      await isRefused('both')
    })

    test('of drivers that were once built in count for those that took their place, also inline', async () => {
      await limitNode('n1', 1)
      await createNode('n1')
      await createVolume('ebs', { awsElasticBlockStore: { volumeID: 'vol-1' } })
      await createClaim('ebs', { volumeName: 'ebs' })
      await createPod('first', '1', using('ebs'))
      await runs('first')
      await createPod('second', '1', { volumes: [{ name: 'v', awsElasticBlockStore: { volumeID: 'vol-2' } }] })
      await isRefused('second')
    })
  })

  test('pods of other schedulers are left alone', async () => {
    await createNode('n1')
    await createPod('web', '1', { schedulerName: 'other' })
    await createPod('mine', '1')
    await plane.until(PODS, inDefault('mine'), (p) => p?.spec?.nodeName === 'n1')
    expect((await plane.client.get(PODS, inDefault('web'))).spec?.nodeName).toBeUndefined()
  })
})

/** What the volume binder of the controller manager does. */
async function bindByHand(claim: Typed<PersistentVolumeClaim>): Promise<void> {
  await plane.client.create(PERSISTENT_VOLUMES, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv1' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'late',
      hostPath: { path: '/tmp' },
      claimRef: {
        kind: 'PersistentVolumeClaim',
        apiVersion: 'v1',
        namespace: 'default',
        name: 'data',
        uid: claim.metadata.uid,
      },
    },
  })
  await plane.client.update(PERSISTENT_VOLUME_CLAIMS, {
    ...claim,
    metadata: {
      ...claim.metadata,
      annotations: { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' },
    },
    spec: { ...claim.spec!, volumeName: 'pv1' },
  })
}
