import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import { clusterControllers, clusterLoops } from '../../src/controllers/cluster/cluster-controllers.ts'
import {
  EVENTS,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  STORAGE_CLASSES,
} from '../../src/controllers/runtime/resources.ts'
import { TestPlane } from '../suites/control-plane.ts'

let test: TestPlane

beforeEach(async () => {
  test = await TestPlane.start({ clock: systemClock })
  await test.runWith(clusterLoops(), clusterControllers())
})

afterEach(async () => {
  await test.close()
})

const key = (name: string) => ({ namespace: 'default', name })
const volumeKey = (name: string) => ({ namespace: '', name })

function claim(name: string, spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  }
}

function volume(name: string, storage: string, spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage },
      storageClassName: 'manual',
      nfs: { server: 's', path: '/' },
      ...spec,
    },
  }
}

const createClaim = (object: KubeObject) => test.client.create(PERSISTENT_VOLUME_CLAIMS, object as never)
const createVolume = (object: KubeObject) => test.client.create(PERSISTENT_VOLUMES, object as never)

describe('volumes', () => {
  it('a claim without a class gets the default one, a simulated volume, and takes it along when it goes', async () => {
    await test.until(STORAGE_CLASSES, volumeKey('standard'), (c) => c !== undefined)
    await createClaim(claim('data'))
    const bound = await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.status?.phase === 'Bound')
    const name = `pvc-${bound.metadata.uid}`
    expect(bound.spec?.volumeName).toBe(name)
    expect(bound.status?.capacity).toEqual({ storage: '1Gi' })
    expect(bound.metadata.annotations).toMatchObject({ 'pv.kubernetes.io/bind-completed': 'yes' })
    const made = await test.until(PERSISTENT_VOLUMES, volumeKey(name), (v) => v?.status?.phase === 'Bound')
    expect(made.metadata.annotations?.['pv.kubernetes.io/provisioned-by']).toBe('disk.kubemu.io')
    await test.client.delete(PERSISTENT_VOLUME_CLAIMS, key('data'))
    await test.until(PERSISTENT_VOLUMES, volumeKey(name), (v) => v === undefined)
  })

  it('a claim gets the smallest volume that suits, which is retained and released afterwards', async () => {
    await createVolume(volume('small', '500Mi'))
    await createVolume(volume('large', '10Gi'))
    await createVolume(volume('middle', '2Gi'))
    for (const name of ['small', 'large', 'middle']) {
      await test.until(PERSISTENT_VOLUMES, volumeKey(name), (v) => v?.status?.phase === 'Available')
    }
    await createClaim(claim('data', { storageClassName: 'manual' }))
    const bound = await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.status?.phase === 'Bound')
    expect(bound.spec?.volumeName).toBe('middle')
    expect(bound.status?.capacity).toEqual({ storage: '2Gi' })
    await test.client.delete(PERSISTENT_VOLUME_CLAIMS, key('data'))
    const released = await test.until(PERSISTENT_VOLUMES, volumeKey('middle'), (v) => v?.status?.phase === 'Released')
    expect(released.spec?.claimRef?.name).toBe('data')
  })

  it('a claim waits for its first consumer where its class says so', async () => {
    await test.client.create(STORAGE_CLASSES, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'late' },
      provisioner: 'disk.kubemu.io',
      volumeBindingMode: 'WaitForFirstConsumer',
    } as never)
    await createClaim(claim('data', { storageClassName: 'late' }))
    await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.status?.phase === 'Pending')
    const selected = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'node-1' } } }
    await test.client.patch(PERSISTENT_VOLUME_CLAIMS, key('data'), 'merge', selected)
    const bound = await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.status?.phase === 'Bound')
    const made = await test.client.get(PERSISTENT_VOLUMES, volumeKey(bound.spec!.volumeName!))
    expect(made.spec?.nodeAffinity?.required?.nodeSelectorTerms).toEqual([
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }] },
    ])
  })

  it('a claim whose volume is gone is lost', async () => {
    await createVolume(volume('one', '1Gi'))
    await createClaim(claim('data', { storageClassName: 'manual' }))
    await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.status?.phase === 'Bound')
    await test.client.patch(PERSISTENT_VOLUMES, volumeKey('one'), 'merge', { metadata: { finalizers: null } })
    await test.client.delete(PERSISTENT_VOLUMES, volumeKey('one'))
    await test.client
      .patch(PERSISTENT_VOLUMES, volumeKey('one'), 'merge', { metadata: { finalizers: null } })
      .catch(() => {})
    await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.status?.phase === 'Lost')
  })

  it('a claim that a pod on a node uses stays until the pod is gone', async () => {
    await createClaim(claim('data'))
    await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.metadata.finalizers !== undefined)
    const spec = {
      nodeName: 'node-1',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
    }
    const metadata = { name: 'user', namespace: 'default' }
    await test.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec } as never)
    const deleted = await test.client.delete(PERSISTENT_VOLUME_CLAIMS, key('data'))
    expect(deleted.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection'])
    await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c?.metadata.deletionTimestamp !== undefined)
    await test.client.delete(PODS, key('user'), { gracePeriodSeconds: 0 })
    await test.until(PERSISTENT_VOLUME_CLAIMS, key('data'), (c) => c === undefined)
  })

  it('makes the claims of ephemeral volumes, and says so where another has their name', async () => {
    const volumeClaimTemplate = {
      metadata: { labels: { tier: 'cache' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }
    const podWith = (name: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: {
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }],
      },
    })
    await test.client.create(PERSISTENT_VOLUME_CLAIMS, claim('taken-scratch'))
    const pod = await test.client.create(PODS, podWith('p') as never)
    await test.client.create(PODS, podWith('taken') as never)
    const made = await test.until(PERSISTENT_VOLUME_CLAIMS, key('p-scratch'), (c) => c !== undefined)
    expect(made.metadata).toMatchObject({
      labels: { tier: 'cache' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true }],
    })
    // Its first try may come before it has heard of the claim; the next one has.
    const message =
      'ephemeral volume scratch: PVC default/taken-scratch was not created for pod default/taken (pod is not owner)'
    const told = await test.untilAll(EVENTS, 'default', (all) => all.some((e) => e.message === message))
    expect(told.find((e) => e.message === message)).toMatchObject({
      type: 'Warning',
      reason: 'FailedBinding',
      involvedObject: { name: 'taken' },
      source: { component: 'ephemeral_volume' },
    })
  })
})
