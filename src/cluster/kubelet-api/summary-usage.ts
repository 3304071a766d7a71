import { type NodeUsage, podKey, type ResourceUsage } from '../../api/virtual/resource-metrics.ts'
import type { StatsSummary } from '../../controllers/kubelet/stats-summary.ts'

type Measured = {
  readonly cpu?: { readonly usageNanoCores?: number }
  readonly memory?: { readonly workingSetBytes?: number }
}

/** What a kubelet's summary says of its node and pods; values that it leaves out count as nothing. */
export function usageOf({ node, pods = [] }: StatsSummary): NodeUsage {
  return {
    node: amountOf(node),
    pods: new Map(
      pods.map(({ podRef, containers = [] }) => [
        podKey(podRef.namespace, podRef.name),
        containers.map((container) => [container.name, amountOf(container)] as const),
      ]),
    ),
  }
}

function amountOf({ cpu, memory }: Measured): ResourceUsage {
  return { milliCpu: (cpu?.usageNanoCores ?? 0) / 1e6, memoryBytes: memory?.workingSetBytes ?? 0 }
}
