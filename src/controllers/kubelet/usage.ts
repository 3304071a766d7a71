import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { amountsOf } from '../scheduler/resource-amounts.ts'
import { behaviourOf } from './behaviour.ts'
import type { ContainerRun } from './container-run.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** What something uses at a moment. */
export interface Usage {
  /** Thousandths of a core. */
  readonly milliCpu: number
  readonly memoryBytes: number
}

const MI = 2 ** 20
/** What a container uses that asks for nothing. */
const IDLE: Usage = { milliCpu: 1, memoryBytes: 16 * MI }
/** What runs on every node besides its pods: kubelet, runtime, kernel. */
export const SYSTEM: Usage = { milliCpu: 50, memoryBytes: 512 * MI }

/**
 * What a container uses now: as its pod's annotations say, else a part of its requests, within its limits; nothing
 * where it does not run.
 */
export function containerUsage(pod: Pod, { container, isRunning }: ContainerRun): Usage {
  if (!isRunning) return { milliCpu: 0, memoryBytes: 0 }
  const { cpuMilli, memoryBytes } = behaviourOf(pod, container)
  const requests = amountsOf(container.resources?.requests)
  const limits = amountsOf(container.resources?.limits)
  const share = (name: string, part: number, idle: number): number => {
    const requested = requests.get(name)
    return requested === undefined ? idle : requested * part
  }
  const within = (name: string, amount: number): number => Math.min(amount, limits.get(name) ?? amount)
  return {
    milliCpu: within('cpu', cpuMilli ?? share('cpu', 0.1, IDLE.milliCpu)),
    memoryBytes: within('memory', memoryBytes ?? share('memory', 0.5, IDLE.memoryBytes)),
  }
}

/** What a node uses now: its own part and the containers that run on it. */
export function nodeUsage({ workers }: SimulatedNode): Usage {
  let { milliCpu, memoryBytes } = SYSTEM
  for (const { pod, containers } of workers.values()) {
    for (const run of containers) {
      const usage = containerUsage(pod, run)
      milliCpu += usage.milliCpu
      memoryBytes += usage.memoryBytes
    }
  }
  return { milliCpu, memoryBytes }
}

/**
 * Time that something has spent on processors, from what it is known to use at moments: never less than before.
 * Nanoseconds.
 */
export class ProcessorTime {
  readonly #spent: WeakMap<object, { readonly life: string; atMs: number; nanos: number }> = new WeakMap()

  /** `life` names what runs now: when that is another than before, the time begins anew at `sinceMs`. */
  nanos(of: object, life: string, sinceMs: number, nowMs: number, milliCpu: number): number {
    let spent = this.#spent.get(of)
    if (spent?.life !== life) {
      spent = { life, atMs: sinceMs, nanos: 0 }
      this.#spent.set(of, spent)
    }
    // A thousandth of a core spends a thousand nanoseconds in a millisecond.
    spent.nanos += Math.max(0, nowMs - spent.atMs) * milliCpu * 1000
    spent.atMs = Math.max(nowMs, spent.atMs)
    return Math.round(spent.nanos)
  }
}
