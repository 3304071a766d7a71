import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { clusterControllers } from '../../src/controllers/cluster/cluster-controllers.ts'
import { EVENTS, NODES, PODS } from '../../src/controllers/runtime/resources.ts'
import { TestPlane } from '../suites/control-plane.ts'

let test: TestPlane
let clock: ManualClock

beforeEach(async () => {
  clock = new ManualClock()
  test = await TestPlane.start({ clock })
  await test.run(...clusterControllers())
})

afterEach(() => test.close())

const now = () => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`
const nodeKey = (name: string) => ({ namespace: '', name })

async function createNode(name: string): Promise<void> {
  await test.client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name } })
  await heartbeat(name)
}

async function heartbeat(name: string): Promise<void> {
  const node = await test.client.get(NODES, nodeKey(name))
  const times = { lastHeartbeatTime: now(), lastTransitionTime: now() }
  const condition = { type: 'Ready', status: 'True', reason: 'KubeletReady', ...times }
  await test.client.updateSubresource(NODES, 'status', { ...node, status: { conditions: [condition] } })
}

async function createPod(name: string, nodeName: string, tolerations: readonly object[] = []): Promise<void> {
  const spec = { nodeName, containers: [{ name: 'c', image: 'i' }], tolerations }
  const metadata = { name, namespace: 'default' }
  const pod = await test.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec } as never)
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: now() }]
  const running = { ...(pod as object), status: { phase: 'Running', conditions } }
  await test.client.updateSubresource(PODS, 'status', running as never)
}

/** Moves the clock on in steps, with what happens meanwhile, until `done` settles. */
async function advanceUntil<T>(done: Promise<T>, stepMs = 1000): Promise<T> {
  let isDone = false
  const finished = done.finally(() => {
    isDone = true
  })
  while (!isDone) {
    clock.advance(stepMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return await finished
}

describe('node lifecycle', () => {
  it('a silent node becomes Unknown, its pods unready, and it is tainted', async () => {
    await createNode('alive')
    await createNode('silent')
    await createPod('victim', 'silent')
    const keepAlive = setInterval(() => void heartbeat('alive').catch(() => {}), 1)
    const lost = await advanceUntil(
      test.until(NODES, nodeKey('silent'), (n) => n?.spec?.taints?.some((t) => t.effect === 'NoExecute') ?? false),
      500,
    ).finally(() => clearInterval(keepAlive))
    expect(
      lost.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
    ).toEqual([
      ['Ready', 'Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.'],
      ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'],
    ])
    expect(lost.spec?.taints?.map(({ key, effect }) => [key, effect]).sort()).toEqual([
      ['node.kubernetes.io/unreachable', 'NoExecute'],
      ['node.kubernetes.io/unreachable', 'NoSchedule'],
    ])
    const events = await test.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'NodeNotReady'))
    const messages = events.map((e) => e.message)
    expect(messages).toContain('Node silent event: Registered Node silent in Controller')
    expect(messages).toContain('Node silent status is now: NodeNotReady')
    await test.until(PODS, { namespace: 'default', name: 'victim' }, (p) => p?.metadata.deletionTimestamp !== undefined)
  })

  it('cordoned nodes are tainted, and no more once they are not', async () => {
    await createNode('n')
    await test.client.patch(NODES, nodeKey('n'), 'merge', { spec: { unschedulable: true } })
    const cordoned = await advanceUntil(test.until(NODES, nodeKey('n'), (n) => n?.spec?.taints?.length === 1))
    expect(cordoned.spec?.taints?.[0]).toMatchObject({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' })
    await test.client.patch(NODES, nodeKey('n'), 'merge', { spec: { unschedulable: null } })
    await advanceUntil(test.until(NODES, nodeKey('n'), (n) => !n?.spec?.taints?.length))
  })
})

describe('taint eviction', () => {
  it('pods go at once, after what they tolerate, or not at all', async () => {
    await createNode('n')
    const tolerates = { key: 'dedicated', operator: 'Exists', effect: 'NoExecute' }
    await createPod('at-once', 'n')
    await createPod('later', 'n', [{ ...tolerates, tolerationSeconds: 30 }])
    await createPod('never', 'n', [tolerates])
    const key = (name: string) => ({ namespace: 'default', name })
    const taint = { key: 'dedicated', value: 'x', effect: 'NoExecute' }
    const goes = test.until(PODS, key('at-once'), (p) => p?.metadata.deletionTimestamp !== undefined)
    await test.client.patch(NODES, nodeKey('n'), 'merge', { spec: { taints: [taint] } })
    const gone = await goes
    expect(gone.status?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
      }),
    )
    expect((await test.client.get(PODS, key('later'))).metadata.deletionTimestamp).toBeUndefined()
    await advanceUntil(test.until(PODS, key('later'), (p) => p?.metadata.deletionTimestamp !== undefined))
    expect((await test.client.get(PODS, key('never'))).metadata.deletionTimestamp).toBeUndefined()
  })
})

describe('pod garbage collection', () => {
  it('pods of a node that is gone are failed and deleted after 40 seconds', async () => {
    await createNode('n')
    await createPod('orphan', 'n')
    await test.client.delete(NODES, nodeKey('n'))
    const start = clock.now()
    const key = { namespace: 'default', name: 'orphan' }
    const failed = await advanceUntil(
      test.until(PODS, key, (p) => p === undefined || p.status?.phase === 'Failed').catch(() => undefined),
    )
    expect(clock.now() - start).toBeGreaterThanOrEqual(40_000)
    if (failed)
      expect(failed.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.message).toBe(
        'PodGC: node no longer exists',
      )
    await advanceUntil(test.until(PODS, key, (p) => p === undefined))
  })
})
