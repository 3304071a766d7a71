/**
 * What the fields of a service say about each other.
 *
 * @see kubernetes pkg/api/service/util.go, pkg/registry/core/service/{strategy.go,storage/storage.go}
 */
import type { Service, ServiceSpec } from '../../../apimachinery/types/core-v1.ts'

/** Cluster IP of a headless service. */
export const CLUSTER_IP_NONE = 'None'

/** The spec as an API server handles it: always there. */
export function specOf(service: Service): ServiceSpec {
  service.spec ??= {}
  return service.spec
}

/** Every type but ExternalName has a cluster IP, be it `None`. */
export const needsClusterIP = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName'

/** Types that have ports on nodes, whether or not these are allocated. */
export const hasNodePorts = (spec: ServiceSpec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer'

/** Whether ports of nodes are given to a service that asks for none in particular. */
export function allocatesNodePorts(spec: ServiceSpec): boolean {
  if (spec.type === 'NodePort') return true
  return spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false
}

/** Clients from outside of the cluster may come. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return hasNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)
}

/** A load balancer must find out which nodes have endpoints. */
export const needsHealthCheck = (spec: ServiceSpec): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

export const isHeadless = ({ clusterIPs = [] }: ServiceSpec): boolean =>
  clusterIPs.length === 1 && clusterIPs[0] === CLUSTER_IP_NONE

export const hasSelector = ({ selector }: ServiceSpec): boolean => Object.keys(selector ?? {}).length > 0

/** Ports of nodes that the service has, each as often as it stands there. */
export function nodePortsOf({ ports = [] }: ServiceSpec): number[] {
  return ports.map(({ nodePort = 0 }) => nodePort).filter((port) => port !== 0)
}

type Texts = readonly string[] | undefined

/** Whether two lists of texts are the same; none and an empty one are. */
export function sameTexts(a: Texts, b: Texts): boolean {
  return (a?.length ?? 0) === (b?.length ?? 0) && (a ?? []).every((text, i) => text === b![i])
}
