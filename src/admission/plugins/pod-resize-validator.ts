import { ApiError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { parseQuantity, Quantity } from '../../apimachinery/quantity.ts'
import type { Node, Pod, PodSpec } from '../../apimachinery/types/core-v1.ts'
import { aggregateContainers } from '../../registry/core/pod/pod-resources.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { refused } from '../refusal.ts'

/**
 * A running pod can't grow beyond what its node has.
 *
 * @see kubernetes plugin/pkg/admission/podresize/admission.go
 */
export function podResizeValidator(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'PodResizeValidator',
    handles: (operation) => operation === 'UPDATE',
    async validate(attributes) {
      if (attributes.subresource !== 'resize' || !isFor(attributes, '', 'pods')) return
      const pod = attributes.object as unknown as Pod
      const nodeName = pod.spec?.nodeName
      // The generation is raised only where the spec has changed.
      if (!nodeName || attributes.oldObject?.metadata.generation === pod.metadata.generation) return
      const node = (await reader.get('', 'nodes', '', nodeName)) as unknown as Node | undefined
      if (!node) throw refused(attributes, `node ${goQuote(nodeName)} not found`)
      const os = node.metadata.labels?.['kubernetes.io/os'] ?? 'linux'
      if (os !== 'linux') {
        const why = `pod resize is only supported on linux nodes, node ${goQuote(nodeName)} is ${goQuote(os)}`
        throw refusedBecause(attributes, why, 'UnsupportedPlatform')
      }
      const shortages = shortagesOf(pod.spec!, node.status?.allocatable ?? {})
      if (shortages.length === 0) return
      const why = `node didn't have enough allocatable resources: ${shortages.join('; ')}`
      throw refusedBecause(attributes, why, 'NodeCapacity')
    },
  }
}

function refusedBecause(attributes: AdmissionAttributes, why: string, cause: string): ApiError {
  const { code, reason, message, details } = refused(attributes, why)
  return new ApiError({ code, reason, message, details: { ...details, causes: [{ reason: cause }] } })
}

function shortagesOf(spec: PodSpec, allocatable: Readonly<Record<string, string>>): string[] {
  const has = (name: string): Quantity => parseQuantity(allocatable[name] ?? '0')
  const cpu = requestOf(spec, 'cpu')
  const memory = requestOf(spec, 'memory')
  const shortages: string[] = []
  if (cpu.cmp(has('cpu')) > 0) {
    shortages.push(`cpu, requested: ${cpu.scaledValue(-3)}, allocatable: ${has('cpu').scaledValue(-3)}`)
  }
  if (memory.cmp(has('memory')) > 0) {
    shortages.push(`memory, requested: ${memory.scaledValue(0)}, allocatable: ${has('memory').scaledValue(0)}`)
  }
  return shortages
}

/** What the pod asks for: its own word, else its containers' together; and its overhead. */
function requestOf(spec: PodSpec, name: 'cpu' | 'memory'): Quantity {
  const own = spec.resources?.requests?.[name]
  const sum = own === undefined ? aggregateContainers(spec, 'requests').get(name) : parseQuantity(own)
  const overhead = spec.overhead?.[name]
  const total = sum ?? Quantity.of(0)
  return overhead === undefined ? total : total.add(parseQuantity(overhead))
}
