import { Quantity } from '../../../apimachinery/quantity.ts'
import type { Service } from '../../../apimachinery/types/core-v1.ts'
import { type Amounts, ONE, ZERO } from './amounts.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'

const SERVICE_RESOURCES: ReadonlySet<string> = new Set([
  'count/services',
  'services',
  'services.nodeports',
  'services.loadbalancers',
])

/** @see kubernetes pkg/quota/v1/evaluator/core/services.go */
export const serviceEvaluator: QuotaEvaluator = {
  group: '',
  resource: 'services',
  // An update can change the type.
  handles: ({ subresource, operation }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  matchingResources: (names) => [...names].filter((name) => SERVICE_RESOURCES.has(name)),
  usage: (object) => serviceUsage(object as unknown as Service),
}

function serviceUsage({ spec }: Service): Amounts {
  const isLoadBalancer = spec?.type === 'LoadBalancer'
  return new Map([
    ['count/services', ONE],
    ['services', ONE],
    ['services.loadbalancers', isLoadBalancer ? ONE : ZERO],
    ['services.nodeports', Quantity.of(nodePortsOf(spec))],
  ])
}

/** Node ports that the service has or will be given. */
function nodePortsOf(spec: Service['spec']): number {
  const ports = spec?.ports ?? []
  if (spec?.type === 'NodePort') return ports.length
  if (spec?.type !== 'LoadBalancer') return 0
  if (spec.allocateLoadBalancerNodePorts !== false) return ports.length
  return ports.filter((port) => (port.nodePort ?? 0) !== 0).length
}
