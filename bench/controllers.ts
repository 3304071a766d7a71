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
import { machine, round, type Table, toMarkdown, writeSection } from './report.ts'

const FLAGS = ['--memory', '--insecure-port=0', '--authorization-mode=Node,RBAC', '--allow-privileged=true']
/** Room for all pods of a run. */
const CAPACITY = { cpu: '1000', memory: '4Ti', pods: '10000', 'ephemeral-storage': '10Ti' }
/** Creates under way at once. */
const CONCURRENCY = 64
const IDLE_MS = 20_000

interface Counts {
  readonly nodes: number
  readonly deployments: number
  readonly pods: number
}

const FULL: Counts = { nodes: 5_000, deployments: 1_000, pods: 10_000 }
const QUICK: Counts = { nodes: 500, deployments: 100, pods: 1_000 }

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

  /** Milliseconds until so many objects are as wanted (or exist at all). */
  async until(what: { readonly wanted?: number; readonly total?: number }): Promise<number> {
    const began = performance.now()
    await new Promise<void>((resolve) => {
      this.#check = () => {
        if (what.wanted !== undefined && this.#count < what.wanted) return
        if (what.total !== undefined && this.#total !== what.total) return
        resolve()
      }
      this.#check()
    })
    return performance.now() - began
  }

  stop(): void {
    this.#informer.stop()
  }
}

const isRunning = (pod: KubeObject): boolean => (pod['status'] as { phase?: string } | undefined)?.phase === 'Running'

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

const podSpec = { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10' }], terminationGracePeriodSeconds: 0 }

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

async function firstPod(): Promise<number> {
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

async function readyNodes(count: number): Promise<number> {
  const running = await cluster(0)
  await running.close()
  const began = performance.now()
  const withNodes = await cluster(count)
  const nodes = new Counter(withNodes, NODES, isNodeReady)
  await nodes.until({ wanted: count })
  const took = performance.now() - began
  nodes.stop()
  await withNodes.close()
  return took
}

async function deployments(count: number): Promise<number> {
  const running = await cluster(100)
  await namespaced(running)
  const pods = new Counter(running, PODS, isRunning)
  const began = performance.now()
  const done = pods.until({ wanted: count * 3 })
  await inParallel(count, (i) => createDeployment(running, `web-${i}`, 3))
  await done
  const took = performance.now() - began
  pods.stop()
  await running.close()
  return took
}

async function barePods(count: number): Promise<{ running: number; deleted: number; idleCpu: number }> {
  const running = await cluster(100)
  await namespaced(running)
  const pods = new Counter(running, PODS, isRunning)
  const began = performance.now()
  const up = pods.until({ wanted: count })
  await inParallel(count, (i) =>
    running.client.create(PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-${i}`, namespace: 'bench' },
      spec: podSpec,
    }),
  )
  await up
  const started = performance.now() - began
  const idleCpu = await idle()
  const from = performance.now()
  const down = pods.until({ total: 0 })
  await inParallel(count, (i) => running.client.delete(PODS, { namespace: 'bench', name: `pod-${i}` }))
  await down
  const deleted = performance.now() - from
  pods.stop()
  await running.close()
  return { running: started, deleted, idleCpu }
}

/** Share of a core that the process takes while nothing is asked of it. */
async function idle(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  const before = process.cpuUsage()
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / IDLE_MS
}

/** Controllers, scheduler and simulated nodes in one process with the API server, in memory. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const counts = quick ? QUICK : FULL
  const seconds = (ms: number): string => `${round(ms / 1000)} s`
  const rows: string[][] = []
  const add = (what: string, took: string, rate: string): void => {
    rows.push([what, took, rate])
    console.log(`${what}: ${took} ${rate}`)
  }
  await firstPod()
  const first = await firstPod()
  add('start of a cluster to the first Running pod of a Deployment', `${round(first)} ms`, '')
  const nodes = await readyNodes(counts.nodes)
  add(`${counts.nodes} nodes Ready`, seconds(nodes), `${round((counts.nodes / nodes) * 1000)} nodes/s`)
  const rollout = await deployments(counts.deployments)
  const pods = counts.deployments * 3
  add(
    `${counts.deployments} Deployments of 3 replicas Running`,
    seconds(rollout),
    `${round((pods / rollout) * 1000)} pods/s`,
  )
  const bare = await barePods(counts.pods)
  add(`${counts.pods} pods Running`, seconds(bare.running), `${round((counts.pods / bare.running) * 1000)} pods/s`)
  add(`${counts.pods} pods deleted`, seconds(bare.deleted), `${round((counts.pods / bare.deleted) * 1000)} pods/s`)
  add(`idle CPU with ${counts.pods} Running pods`, `${round(bare.idleCpu * 100)} % of a core`, '')
  const table: Table = { title: 'Controllers', columns: ['What', 'Time', 'Rate'], rows }
  if (!quick) await writeSection('controllers', `${machine()}\n\n${toMarkdown(table)}`)
}
