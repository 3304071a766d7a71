import { MAX_NODE_SCORE, type SchedulerPlugin } from '../plugin.ts'

/** 100 where the used shares of cpu and memory are equal, less the further they are apart. */
function balance(cpu: number, cpuCapacity: number, memory: number, memoryCapacity: number): number {
  if (cpuCapacity === 0 || memoryCapacity === 0) return MAX_NODE_SCORE
  const apart = Math.abs(Math.min(cpu / cpuCapacity, 1) - Math.min(memory / memoryCapacity, 1)) / 2
  return Math.trunc((1 - apart) * MAX_NODE_SCORE)
}

/**
 * Likes nodes whose use of cpu and memory becomes more even. Pods that ask for neither have no say.
 *
 * @see plugins/noderesources/balanced_allocation.go
 */
export const balancedAllocation: SchedulerPlugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  scorer({ info }) {
    const cpu = info.requests.get('cpu') ?? 0
    const memory = info.requests.get('memory') ?? 0
    if (cpu === 0 && memory === 0) return undefined
    return {
      score({ allocatable, requested }) {
        const cpuCapacity = allocatable.get('cpu') ?? 0
        const memoryCapacity = allocatable.get('memory') ?? 0
        const usedCpu = requested.get('cpu') ?? 0
        const usedMemory = requested.get('memory') ?? 0
        const after = balance(usedCpu + cpu, cpuCapacity, usedMemory + memory, memoryCapacity)
        const before = balance(usedCpu, cpuCapacity, usedMemory, memoryCapacity)
        return MAX_NODE_SCORE / 2 + Math.trunc((MAX_NODE_SCORE / 2 + after - before) / 2)
      },
    }
  },
}
