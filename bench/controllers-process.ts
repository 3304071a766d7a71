import { pino } from 'pino'
import { systemClock } from '../src/apimachinery/clock.ts'
import type { KubeObject } from '../src/apimachinery/kube-object.ts'
import { apiserverOptions } from '../src/cli/apiserver.ts'
import { type RunningCluster, startCluster } from '../src/cluster/cluster.ts'
import type { ResourceRef } from '../src/controllers/runtime/client.ts'
import { Informer } from '../src/controllers/runtime/informer.ts'
import { silentLogger } from '../src/controllers/runtime/logger.ts'
import { DEPLOYMENTS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS } from '../src/controllers/runtime/resources.ts'
import { noMetrics } from '../src/controllers/runtime/runtime-metrics.ts'

/** What a scenario took: time on the wall, and of the processor in this process. */
export interface Took {
  readonly ms: number
  readonly cpuMs: number
}

/** A Deployment's first Running pod, from the start of the cluster on. */
export interface FirstPodResult {
  /** In a process that has just been started. */
  readonly coldMs: number
  /** In one that has had clusters before. */
  readonly warmMs: number
}

export interface PodsResult {
  readonly running: Took
  readonly deleted: Took
  /** Share of a core that the process takes while nothing is asked of it. */
  readonly idleShare: number
  /** Growth of the resident set and of the heap by a pod, in bytes. */
  readonly residentPerPod: number
  readonly heapPerPod: number
}

const FLAGS = ['--memory', '--insecure-port=0', '--authorization-mode=Node,RBAC', '--allow-privileged=true']
/** Room for all pods of a run. */
const CAPACITY = { cpu: '1000', memory: '4Ti', pods: '10000', 'ephemeral-storage': '10Ti' }
/** Creates under way at once. */
const CONCURRENCY = 64
const IDLE_MS = 30_000
/** Until Leases, Events and the like of a rush have been written. */
const SETTLE_MS = 30_000
const WARM_RUNS = 7

const podSpec = { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10' }], terminationGracePeriodSeconds: 0 }

async function timed(work: () => Promise<unknown>): Promise<Took> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { ms: performance.now() - began, cpuMs: (user + system) / 1000 }
}

/** Counts the objects of a resource that are as wanted, from a watch in the process. */
class Counter {
  readonly #informer: Informer
  readonly #wanted: (object: KubeObject) => boolean
  #count = 0
  #total = 0
  #check: () => void = () => {}

  constructor(cluster: RunningCluster, resource: ResourceRef, wanted: (object: KubeObject) => boolean) {
    const { client } = cluster
    this.#wanted = wanted
    this.#informer = new Informer({ client, resource, clock: systemClock, logger: silentLogger, metrics: noMetrics })
    this.#informer.addHandler({
      set: (object, old) => {
        this.#total += old ? 0 : 1
        this.#count += Number(wanted(object)) - Number(old !== undefined && wanted(old))
        this.#check()
      },
      remove: (object) => {
        this.#total--
        this.#count -= Number(this.#wanted(object))
        this.#check()
      },
    })
    this.#informer.start()
  }

  /** Resolves when so many objects are as wanted (or exist at all). */
  async until(what: { readonly wanted?: number; readonly total?: number }): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#check = () => {
        if (what.wanted !== undefined && this.#count < what.wanted) return
        if (what.total !== undefined && this.#total !== what.total) return
        resolve()
      }
      this.#check()
    })
  }

  stop(): void {
    this.#informer.stop()
  }
}

const isRunning = (pod: KubeObject): boolean => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running'

const isPlaced = (pod: KubeObject): boolean => (pod['spec'] as { nodeName?: string }).nodeName !== undefined

const isNodeReady = (node: KubeObject): boolean =>
  (node['status'] as { conditions?: { type: string; status: string }[] } | undefined)?.conditions?.some(
    (c) => c.type === 'Ready' && c.status === 'True',
  ) ?? false

async function cluster(nodes: number): Promise<RunningCluster> {
  const options = { server: apiserverOptions(FLAGS), nodes: { count: nodes, capacity: CAPACITY } }
  return await startCluster(options, pino({ level: 'silent' }))
}

async function namespaced(running: RunningCluster): Promise<void> {
  await running.client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } })
  const accounts = new Counter(running, SERVICE_ACCOUNTS, (a) => a.metadata.namespace === 'bench')
  await accounts.until({ wanted: 1 })
  accounts.stop()
}

async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (next < count) await work(next++)
    }),
  )
}

function createDeployment(running: RunningCluster, name: string, replicas: number): Promise<unknown> {
  const labels = { app: name }
  return running.client.create(DEPLOYMENTS, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'bench' },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
  })
}

function createPod(running: RunningCluster, index: number): Promise<unknown> {
  const metadata = { name: `pod-${index}`, namespace: 'bench' }
  return running.client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpec })
}

async function startToFirstPod(): Promise<number> {
  const began = performance.now()
  const running = await cluster(1)
  await namespaced(running)
  await createDeployment(running, 'first', 1)
  const pods = new Counter(running, PODS, isRunning)
  await pods.until({ wanted: 1 })
  const took = performance.now() - began
  pods.stop()
  await running.close()
  return took
}

async function firstPod(): Promise<FirstPodResult> {
  const coldMs = await startToFirstPod()
  const warm: number[] = []
  for (let i = 0; i < WARM_RUNS; i++) warm.push(await startToFirstPod())
  return { coldMs, warmMs: warm.sort((a, b) => a - b)[Math.floor(WARM_RUNS / 2)]! }
}

async function nodes(count: number): Promise<Took> {
  let close = async (): Promise<void> => {}
  const took = await timed(async () => {
    const running = await cluster(count)
    close = running.close
    const ready = new Counter(running, NODES, isNodeReady)
    await ready.until({ wanted: count })
    ready.stop()
  })
  await close()
  return took
}

async function deployments(count: number): Promise<Took> {
  const running = await cluster(100)
  await namespaced(running)
  const pods = new Counter(running, PODS, isRunning)
  const took = await timed(async () => {
    const up = pods.until({ wanted: count * 3 })
    await inParallel(count, (i) => createDeployment(running, `web-${i}`, 3))
    await up
  })
  pods.stop()
  await running.close()
  return took
}

/** As many pods as nodes, until each pod has its node. */
async function placement(count: number): Promise<Took> {
  const running = await cluster(count)
  await namespaced(running)
  await after(SETTLE_MS)
  const pods = new Counter(running, PODS, isPlaced)
  const took = await timed(async () => {
    const placed = pods.until({ wanted: count })
    await inParallel(count, (i) => createPod(running, i))
    await placed
  })
  pods.stop()
  await running.close()
  return took
}

async function pods(count: number): Promise<PodsResult> {
  const running = await cluster(100)
  await namespaced(running)
  const counter = new Counter(running, PODS, isRunning)
  const before = memory()
  const up = await timed(async () => {
    const all = counter.until({ wanted: count })
    await inParallel(count, (i) => createPod(running, i))
    await all
  })
  const idleShare = await idle()
  const after = memory()
  const down = await timed(async () => {
    const gone = counter.until({ total: 0 })
    await inParallel(count, (i) => running.client.delete(PODS, { namespace: 'bench', name: `pod-${i}` }))
    await gone
  })
  counter.stop()
  await running.close()
  return {
    running: up,
    deleted: down,
    idleShare,
    residentPerPod: (after.rss - before.rss) / count,
    heapPerPod: (after.heapUsed - before.heapUsed) / count,
  }
}

function memory(): NodeJS.MemoryUsage {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  return process.memoryUsage()
}

function after(ms: number): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function idle(): Promise<number> {
  await after(SETTLE_MS)
  const { cpuMs, ms } = await timed(() => after(IDLE_MS))
  return cpuMs / ms
}

const scenarios: Readonly<Record<string, (count: number) => Promise<unknown>>> = {
  'first-pod': firstPod,
  nodes,
  deployments,
  placement,
  pods,
}

const [name = '', count = '0'] = process.argv.slice(2)
console.log(JSON.stringify(await scenarios[name]!(Number(count))))
