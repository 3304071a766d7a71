import { formatTime } from '../../apimachinery/clock.ts'
import { amountsOf } from '../scheduler/resource-amounts.ts'
import type { ContainerRun } from './container-run.ts'
import type { PodWorker } from './pod-worker.ts'
import type { SimulatedNode } from './simulated-node.ts'
import { containerUsage, nodeUsage, type ProcessorTime, SYSTEM, type Usage } from './usage.ts'

interface CpuStats {
  readonly time: string
  readonly usageNanoCores: number
  readonly usageCoreNanoSeconds: number
}

interface MemoryStats {
  readonly time: string
  readonly availableBytes?: number
  readonly usageBytes: number
  readonly workingSetBytes: number
  readonly rssBytes: number
  readonly pageFaults: number
  readonly majorPageFaults: number
}

interface SwapStats {
  readonly time: string
  readonly swapUsageBytes: number
}

interface FsStats {
  readonly time: string
  readonly availableBytes: number
  readonly capacityBytes: number
  readonly usedBytes: number
  readonly inodesFree: number
  readonly inodes: number
  readonly inodesUsed: number
}

interface InterfaceStats {
  readonly name: string
  readonly rxBytes: number
  readonly rxErrors: number
  readonly txBytes: number
  readonly txErrors: number
}

type NetworkStats = InterfaceStats & { readonly time: string; readonly interfaces: readonly InterfaceStats[] }

export interface ContainerStats {
  readonly name: string
  readonly startTime: string
  readonly cpu: CpuStats
  readonly memory: MemoryStats
  readonly rootfs?: FsStats
  readonly logs?: FsStats
  readonly swap: SwapStats
}

export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string }
  readonly startTime: string
  readonly containers: readonly ContainerStats[]
  readonly cpu: CpuStats
  readonly memory: MemoryStats
  readonly network?: NetworkStats
  readonly 'ephemeral-storage'?: FsStats
  readonly process_stats?: { readonly process_count: number }
  readonly swap: SwapStats
}

/** @see k8s.io/kubelet/pkg/apis/stats/v1alpha1 */
export interface StatsSummary {
  readonly node: {
    readonly nodeName: string
    readonly systemContainers?: readonly ContainerStats[]
    readonly startTime: string
    readonly cpu: CpuStats
    readonly memory: MemoryStats
    readonly network?: NetworkStats
    readonly fs?: FsStats
    readonly runtime?: { readonly imageFs: FsStats; readonly containerFs: FsStats }
    readonly rlimit?: { readonly time: string; readonly maxpid: number; readonly curproc: number }
    readonly swap: SwapStats
  }
  readonly pods: readonly PodStats[]
}

/** Files of a file system for each of its bytes, as mkfs makes them. */
const BYTES_PER_INODE = 16_384
const MAX_PID = 4_194_304

/** What a node and its pods use now, as the kubelet's `/stats/summary` tells it. */
export class NodeStats {
  readonly #node: SimulatedNode
  readonly #time: ProcessorTime
  readonly #nowMs: number
  readonly #onlyCpuAndMemory: boolean

  constructor(node: SimulatedNode, time: ProcessorTime, { onlyCpuAndMemory = false } = {}) {
    this.#node = node
    this.#time = time
    this.#nowMs = node.timeline.now()
    this.#onlyCpuAndMemory = onlyCpuAndMemory
  }

  summary(): StatsSummary {
    const node = this.#node
    const { milliCpu, memoryBytes } = nodeUsage(node)
    const capacity = amountsOf(node.object?.status?.capacity)
    const startTime = formatTime(node.startedMs)
    const runs = [...node.workers.values()].flatMap((worker) => running(worker))
    const disk = this.#disk(capacity.get('ephemeral-storage') ?? 0, 0)
    const own = { nodeName: node.name, startTime }
    const used = {
      cpu: this.#cpu(node, node.name, node.startedMs, milliCpu),
      memory: this.#memory(memoryBytes, capacity.get('memory')),
      swap: this.#swap(),
    }
    const pods = [...node.workers.values()].filter((worker) => running(worker).length > 0).map((w) => this.#pod(w))
    if (this.#onlyCpuAndMemory) return { node: { ...own, ...used }, pods }
    const rlimit = { time: this.#now, maxpid: MAX_PID, curproc: 100 + runs.length }
    const system = { systemContainers: this.#systemContainers(), network: this.#network(), fs: disk }
    return { node: { ...own, ...system, ...used, runtime: { imageFs: disk, containerFs: disk }, rlimit }, pods }
  }

  get #now(): string {
    return formatTime(this.#nowMs)
  }

  #pod(worker: PodWorker): PodStats {
    const { name = '', namespace = '', uid = '' } = worker.pod.metadata
    const runs = running(worker)
    const total = sum(runs.map((run) => containerUsage(worker.pod, run)))
    const startTime = worker.pod.status?.startTime ?? this.#now
    const startedMs = Date.parse(startTime)
    const stats = {
      podRef: { name, namespace, uid },
      startTime,
      containers: runs.map((run) => this.#container(worker, run)),
      cpu: this.#cpu(worker, worker.uid, startedMs, total.milliCpu),
      memory: this.#memory(total.memoryBytes),
      swap: this.#swap(),
    }
    if (this.#onlyCpuAndMemory) return stats
    return {
      ...stats,
      network: this.#network(),
      'ephemeral-storage': this.#disk(amountsOf(this.#node.object?.status?.capacity).get('ephemeral-storage') ?? 0, 0),
      process_stats: { process_count: runs.length },
    }
  }

  #container({ pod }: PodWorker, run: ContainerRun): ContainerStats {
    const { milliCpu, memoryBytes } = containerUsage(pod, run)
    const limit = amountsOf(run.actual?.limits).get('memory')
    const stats = {
      name: run.name,
      startTime: formatTime(run.startedMs),
      cpu: this.#cpu(run, run.containerId, run.startedMs, milliCpu),
      memory: this.#memory(memoryBytes, limit),
      swap: this.#swap(),
    }
    if (this.#onlyCpuAndMemory) return stats
    const capacity = amountsOf(this.#node.object?.status?.capacity).get('ephemeral-storage') ?? 0
    const written = run.log.lines.reduce((bytes, line) => bytes + line.text.length + 1, 0)
    return { ...stats, rootfs: this.#disk(capacity, 0), logs: this.#disk(capacity, written) }
  }

  #systemContainers(): ContainerStats[] {
    const pods = sum([...this.#node.workers.values()].flatMap((w) => running(w).map((r) => containerUsage(w.pod, r))))
    const shares: readonly (readonly [name: string, usage: Usage])[] = [
      ['kubelet', { milliCpu: SYSTEM.milliCpu * 0.4, memoryBytes: SYSTEM.memoryBytes * 0.25 }],
      ['runtime', { milliCpu: SYSTEM.milliCpu * 0.3, memoryBytes: SYSTEM.memoryBytes * 0.25 }],
      ['pods', pods],
    ]
    return shares.map(([name, { milliCpu, memoryBytes }]) => ({
      name,
      startTime: formatTime(this.#node.startedMs),
      cpu: this.#cpu(systemKey(this.#node, name), name, this.#node.startedMs, milliCpu),
      memory: this.#memory(memoryBytes),
      swap: this.#swap(),
    }))
  }

  #cpu(of: object, life: string, sinceMs: number, milliCpu: number): CpuStats {
    const usageCoreNanoSeconds = this.#time.nanos(of, life, sinceMs, this.#nowMs, milliCpu)
    return { time: this.#now, usageNanoCores: Math.round(milliCpu * 1e6), usageCoreNanoSeconds }
  }

  /** `limit`: bytes that there are; undefined where nothing bounds it. */
  #memory(used: number, limit?: number): MemoryStats {
    const bytes = Math.ceil(used)
    return {
      time: this.#now,
      ...(limit === undefined ? {} : { availableBytes: Math.max(0, limit - bytes) }),
      usageBytes: bytes,
      workingSetBytes: bytes,
      rssBytes: bytes,
      pageFaults: 0,
      majorPageFaults: 0,
    }
  }

  #swap(): SwapStats {
    return { time: this.#now, swapUsageBytes: 0 }
  }

  #network(): NetworkStats {
    const eth0 = { name: 'eth0', rxBytes: 0, rxErrors: 0, txBytes: 0, txErrors: 0 }
    return { time: this.#now, ...eth0, interfaces: [eth0] }
  }

  #disk(capacityBytes: number, usedBytes: number): FsStats {
    const inodes = Math.floor(capacityBytes / BYTES_PER_INODE)
    const inodesUsed = usedBytes > 0 ? 1 : 0
    return {
      time: this.#now,
      availableBytes: capacityBytes - usedBytes,
      capacityBytes,
      usedBytes,
      inodesFree: inodes - inodesUsed,
      inodes,
      inodesUsed,
    }
  }
}

const running = ({ containers }: PodWorker): ContainerRun[] => containers.filter((run) => run.isRunning)

function sum(usages: readonly Usage[]): Usage {
  return usages.reduce(
    (total, one) => ({
      milliCpu: total.milliCpu + one.milliCpu,
      memoryBytes: total.memoryBytes + one.memoryBytes,
    }),
    { milliCpu: 0, memoryBytes: 0 },
  )
}

const SYSTEM_KEYS: WeakMap<SimulatedNode, Map<string, object>> = new WeakMap()

/** What the time of a part of a node is kept by. */
function systemKey(node: SimulatedNode, name: string): object {
  const keys = SYSTEM_KEYS.get(node) ?? new Map<string, object>()
  SYSTEM_KEYS.set(node, keys)
  const key = keys.get(name) ?? {}
  keys.set(name, key)
  return key
}
