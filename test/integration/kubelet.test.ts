import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import type { Container, Pod, PodSpec } from '../../src/apimachinery/types/core-v1.ts'
import { type RunningNodes, startNodes } from '../../src/controllers/nodes/nodes.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import { CONFIG_MAPS, EVENTS, LEASES, NODES, PODS } from '../../src/controllers/runtime/resources.ts'
import { TestPlane } from '../suites/control-plane.ts'

let plane: TestPlane
let clock: ManualClock
let nodes: RunningNodes

beforeEach(async () => {
  clock = new ManualClock()
  plane = await TestPlane.start({ clock, bootstrap: true })
  nodes = startNodes(plane.client, { count: 1, capacity: { cpu: '2' }, zones: ['a'], clock, log: silentLogger })
  await nodes.ready
})

afterEach(async () => {
  nodes.stop()
  await plane.close()
})

const at = (name: string) => ({ namespace: 'default', name })

interface Wanted extends Partial<PodSpec> {
  readonly annotations?: Record<string, string>
}

async function create(name: string, container: Partial<Container> = {}, wanted: Wanted = {}): Promise<void> {
  const { annotations, ...spec } = wanted
  await plane.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', ...(annotations ? { annotations } : {}) },
    spec: { nodeName: 'node-0', containers: [{ name: 'c', image: 'nginx', ...container }], ...spec },
  })
}

/** Waits for a state of a pod; `stepMs` at a time, the clock goes on until it is reached. */
async function until(name: string, isReached: (pod: Typed<Pod>) => boolean, stepMs = 1): Promise<Typed<Pod>> {
  let isOver = false
  const reached = plane
    .until(PODS, at(name), (pod) => pod !== undefined && isReached(pod))
    .finally(() => {
      isOver = true
    })
  while (!isOver) {
    clock.advance(stepMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return await reached
}

const state = (pod: Typed<Pod>) => pod.status?.containerStatuses?.[0]?.state
const condition = (pod: Typed<Pod>, type: string) => pod.status?.conditions?.find((c) => c.type === type)
const restarts = (pod: Typed<Pod>) => pod.status?.containerStatuses?.[0]?.restartCount
const isReady = (pod: Typed<Pod>): boolean => condition(pod, 'Ready')?.status === 'True'

describe('nodes', () => {
  test('are registered as a kubelet does, with a Lease that is renewed', async () => {
    const node = await plane.client.get(NODES, { namespace: '', name: 'node-0' })
    expect(node.metadata.labels).toMatchObject({
      'kubernetes.io/hostname': 'node-0',
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/zone': 'a',
    })
    expect(node.status?.allocatable).toMatchObject({ cpu: '2', pods: '110' })
    expect(node.status?.conditions?.map((c) => [c.type, c.status, c.reason])).toEqual([
      ['MemoryPressure', 'False', 'KubeletHasSufficientMemory'],
      ['DiskPressure', 'False', 'KubeletHasNoDiskPressure'],
      ['PIDPressure', 'False', 'KubeletHasSufficientPID'],
      ['Ready', 'True', 'KubeletReady'],
    ])
    const key = { namespace: 'kube-node-lease', name: 'node-0' }
    const lease = await plane.until(LEASES, key, (l) => l !== undefined)
    expect(lease.spec).toMatchObject({ holderIdentity: 'node-0', leaseDurationSeconds: 40 })
    expect(lease.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Node', name: 'node-0' })
    clock.advance(11_000)
    await plane.until(LEASES, key, (l) => l?.spec?.renewTime !== lease.spec?.renewTime)
  })

  test('list the images that they have pulled at their next heartbeat', async () => {
    await create('web', { image: 'nginx:1.27' })
    await until('web', isReady)
    clock.advance(11_000)
    const node = await plane.until(NODES, { namespace: '', name: 'node-0' }, (n) => n?.status?.images !== undefined)
    expect(node.status?.images).toEqual([
      {
        names: [
          expect.stringMatching(/^docker\.io\/library\/nginx@sha256:[0-9a-f]{64}$/),
          'docker.io/library/nginx:1.27',
        ],
        sizeBytes: expect.any(Number),
      },
    ])
  })

  test('can be added, removed, and made by others with the label', async () => {
    expect(await nodes.add(1)).toEqual(['node-1'])
    await plane.client.create(NODES, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'mine', labels: { 'node.kubemu.dev/simulated': 'true' } },
    })
    clock.advance(1)
    const mine = await plane.until(NODES, { namespace: '', name: 'mine' }, (n) =>
      Boolean(n?.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')),
    )
    expect(mine.status?.capacity?.['pods']).toBe('110')
    await nodes.remove('node-1')
    await plane.until(NODES, { namespace: '', name: 'node-1' }, (n) => n === undefined)
    expect(nodes.fleet.nodes.has('node-1')).toBe(false)
  })
})

describe('pods', () => {
  test('begin as ContainerCreating and become ready, with addresses, conditions and Events', async () => {
    await create('web')
    const creating = await plane.until(PODS, at('web'), (p) => p?.status?.containerStatuses !== undefined)
    expect(creating.status).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } }, ready: false, started: false }],
    })
    expect(condition(creating, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [c]',
    })
    const running = await until('web', isReady)
    expect(running.status).toMatchObject({ phase: 'Running', hostIP: '172.18.0.2', podIP: '10.244.0.2' })
    expect(running.status?.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
      image: 'docker.io/library/nginx:latest',
    })
    const events = await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'Started'))
    const ofPod = events.filter((e) => e.involvedObject?.kind === 'Pod')
    expect(ofPod.map((e) => [e.reason, e.message]).slice(0, 1)).toEqual([['Pulling', 'Pulling image "nginx"']])
    expect(ofPod.map((e) => e.reason)).toEqual(['Pulling', 'Pulled', 'Created', 'Started'])
    expect(ofPod[0]?.source).toEqual({ component: 'kubelet', host: 'node-0' })
  })

  test('become ready no earlier than their probes allow', async () => {
    await create('slow', { readinessProbe: { httpGet: { port: 80 }, initialDelaySeconds: 20 } })
    const running = await until('slow', (p) => state(p)?.running !== undefined)
    expect(isReady(running)).toBe(false)
    const started = clock.now()
    await until('slow', isReady, 1000)
    expect(clock.now() - started).toBeGreaterThanOrEqual(19_000)
  })

  test('that end well are Succeeded, with their exit code and Completed', async () => {
    await create('job', { image: 'busybox', command: ['sh', '-c', 'echo hi; sleep 5'] }, { restartPolicy: 'Never' })
    const done = await until('job', (p) => p.status?.phase === 'Succeeded', 1000)
    expect(state(done)?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' })
    expect(condition(done, 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' })
    expect(condition(done, 'Initialized')).toMatchObject({ status: 'True', reason: 'PodCompleted' })
  })

  test('that fail for good are Failed', async () => {
    await create('bad', { image: 'busybox', command: ['sh', '-c', 'exit 3'] }, { restartPolicy: 'Never' })
    const failed = await until('bad', (p) => p.status?.phase === 'Failed')
    expect(state(failed)?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
  })

  test('that crash are restarted at once, then with back-off', async () => {
    await create('crash', { image: 'busybox', command: ['sh', '-c', 'exit 1'] })
    const waiting = await until('crash', (p) => state(p)?.waiting?.reason === 'CrashLoopBackOff')
    const { uid } = waiting.metadata
    expect(state(waiting)?.waiting?.message).toBe(
      `back-off 10s restarting failed container=c pod=crash_default(${uid})`,
    )
    expect(waiting.status?.phase).toBe('Running')
    expect(waiting.status?.containerStatuses?.[0]).toMatchObject({
      restartCount: 1,
      lastState: { terminated: { exitCode: 1, reason: 'Error' } },
    })
    const longer = await until('crash', (p) => state(p)?.waiting?.message?.includes('back-off 20s') ?? false, 500)
    expect(longer.status?.containerStatuses?.[0]?.restartCount).toBe(2)
  })

  test('wait for an image that cannot be pulled', async () => {
    await create('nope', { image: 'nope' }, { annotations: { 'kubemu.dev/pull-failure': 'not-found' } })
    const failed = await until('nope', (p) => state(p)?.waiting?.reason === 'ErrImagePull')
    expect(state(failed)?.waiting?.message).toContain('docker.io/library/nope:latest: not found')
    const waiting = await until('nope', (p) => state(p)?.waiting?.reason === 'ImagePullBackOff', 100)
    expect(state(waiting)?.waiting?.message).toMatch(/^Back-off pulling image "nope": ErrImagePull: rpc error/)
    expect(waiting.status?.phase).toBe('Pending')
  })

  test('run init containers one by one, sidecars beside the others', async () => {
    await create(
      'init',
      {},
      {
        initContainers: [
          { name: 'first', image: 'busybox', command: ['sleep', '2'] },
          { name: 'side', image: 'proxy', restartPolicy: 'Always' },
        ],
      },
    )
    const initializing = await until('init', (p) => p.status?.initContainerStatuses?.[0]?.state?.running !== undefined)
    expect(state(initializing)).toEqual({ waiting: { reason: 'PodInitializing' } })
    expect(condition(initializing, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [first side]',
    })
    const running = await until('init', isReady, 100)
    expect(running.status?.initContainerStatuses).toMatchObject([
      { name: 'first', ready: true, state: { terminated: { exitCode: 0, reason: 'Completed' } } },
      { name: 'side', ready: true, started: true, state: { running: {} } },
    ])
  })

  test('behave as annotations say: crashes that stop, memory that runs out', async () => {
    await create('shaky', {}, { annotations: { 'kubemu.dev/crash-times': '1', 'kubemu.dev/crash-exit-code': '7' } })
    const again = await until('shaky', (p) => isReady(p) && p.status?.containerStatuses?.[0]?.restartCount === 1, 100)
    expect(again.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 7 })
    await create('fat', {}, { restartPolicy: 'Never', annotations: { 'c.kubemu.dev/oom-after': '3s' } })
    const dead = await until('fat', (p) => p.status?.phase === 'Failed', 500)
    expect(state(dead)?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  test('that do not fit are rejected as the kubelet words it', async () => {
    await create('big', { resources: { requests: { cpu: '3' } } })
    const rejected = await until('big', (p) => p.status?.phase === 'Failed')
    expect(rejected.status).toMatchObject({
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000",
    })
  })

  test('wait for a ConfigMap of their environment', async () => {
    await create('conf', { envFrom: [{ configMapRef: { name: 'late' } }] })
    const waiting = await until('conf', (p) => state(p)?.waiting?.reason === 'CreateContainerConfigError')
    expect(state(waiting)?.waiting?.message).toBe('configmap "late" not found')
    await plane.client.create(CONFIG_MAPS, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'late', namespace: 'default' },
    })
    await until('conf', isReady, 100)
  })

  test('go after their hooks, within their grace period', async () => {
    await create(
      'leaving',
      { lifecycle: { preStop: { sleep: { seconds: 5 } } } },
      { terminationGracePeriodSeconds: 30 },
    )
    await until('leaving', isReady)
    await plane.client.delete(PODS, at('leaving'))
    const unready = await until('leaving', (p) => p.metadata.deletionTimestamp !== undefined && !isReady(p))
    expect(state(unready)?.running).toBeDefined()
    clock.advance(5001)
    await plane.until(PODS, at('leaving'), (p) => p === undefined)
  })

  test('past their deadline fail', async () => {
    await create('late', {}, { activeDeadlineSeconds: 10 })
    await until('late', isReady)
    const failed = await until('late', (p) => p.status?.phase === 'Failed', 1000)
    expect(failed.status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    })
  })

  describe('whose resources are changed in place', () => {
    const resources = (cpu: string, memory = '64Mi') => ({ requests: { cpu, memory } })
    const resize = async (name: string, cpu: string, memory?: string): Promise<void> => {
      const spec = { containers: [{ name: 'c', resources: resources(cpu, memory) }] }
      await plane.client.patch(PODS, at(name), 'strategic', { spec }, { subresource: 'resize' })
    }
    const runsWith =
      (cpu: string, memory = '64Mi') =>
      (pod: Typed<Pod>): boolean => {
        const [status] = pod.status?.containerStatuses ?? []
        const { requests } = status?.resources ?? {}
        const isGiven = status?.allocatedResources?.['cpu'] === cpu && requests?.['cpu'] === cpu
        return isGiven && requests?.['memory'] === memory && !condition(pod, 'PodResizeInProgress')
      }
    const isPending = (reason: string) => (pod: Typed<Pod>) => condition(pod, 'PodResizePending')?.reason === reason

    test('run on with them, and Events say so', async () => {
      await create('grows', { resources: resources('500m') })
      await until('grows', isReady)
      await resize('grows', '1')
      const grown = await until('grows', runsWith('1'))
      expect(grown.status?.containerStatuses?.[0]?.restartCount).toBe(0)
      const details =
        '{"containers":[{"name":"c","resources":{"requests":{"cpu":"1","memory":"64Mi"}}}],"generation":2}'
      const events = await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'ResizeCompleted'))
      expect(events.filter((e) => e.reason?.startsWith('Resize')).map((e) => e.message)).toEqual([
        `Pod resize started: ${details}`,
        `Pod resize completed: ${details}`,
      ])
    })

    test('are started anew where their policy says so', async () => {
      const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }]
      await create('anew', { resources: resources('500m'), resizePolicy })
      await until('anew', isReady)
      await resize('anew', '600m')
      expect(restarts(await until('anew', runsWith('600m')))).toBe(0)
      await resize('anew', '600m', '128Mi')
      const again = await until('anew', (pod) => runsWith('600m', '128Mi')(pod) && isReady(pod) && restarts(pod) === 1)
      expect(again.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137)
    })

    test('wait until the node has room, and say what it will never have', async () => {
      await create('large', { resources: resources('1200m') })
      await create('small', { resources: resources('500m') })
      await until('large', isReady)
      await until('small', isReady)
      await resize('small', '64')
      const never = await until('small', isPending('Infeasible'))
      expect(condition(never, 'PodResizePending')).toMatchObject({
        status: 'True',
        message: "Node didn't have enough capacity: cpu, requested: 64000, capacity: 2000",
      })
      await resize('small', '1500m')
      const notYet = await until('small', isPending('Deferred'))
      expect(condition(notYet, 'PodResizePending')?.message).toBe(
        "Node didn't have enough resource: cpu, requested: 1500, used: 1200, capacity: 2000",
      )
      await plane.client.delete(PODS, at('large'), { gracePeriodSeconds: 0 })
      const given = await until('small', runsWith('1500m'))
      expect(condition(given, 'PodResizePending')).toBeUndefined()
    })
  })
})
