/**
 * What a service gets by itself, and what goes when its type changes.
 *
 * @see kubernetes pkg/apis/core/v1/defaults.go, pkg/registry/core/service/{strategy.go,storage/storage.go},
 *   pkg/api/service/warnings.go
 */
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { Service, ServiceSpec } from '../../../apimachinery/types/core-v1.ts'
import { warningsForCIDR, warningsForIP } from '../../../apimachinery/validation/ip.ts'
import {
  allocatesNodePorts,
  CLUSTER_IP_NONE,
  hasNodePorts,
  hasSelector,
  isExternallyAccessible,
  needsClusterIP,
  needsHealthCheck,
  nodePortsOf,
  sameTexts,
  specOf,
} from './service-fields.ts'
import { familyOf, type IpFamily } from './service-ip-families.ts'
import { TOPOLOGY_HINTS_ANNOTATION, TOPOLOGY_MODE_ANNOTATION } from './service-validation.ts'

const SPEC = FieldPath.of('spec')
/** Three hours. */
const AFFINITY_TIMEOUT_SECONDS = 10_800

export function setServiceDefaults(service: Service): void {
  const spec = specOf(service)
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_TIMEOUT_SECONDS } }
  }
  spec.type ||= 'ClusterIP'
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP'
    port.targetPort ||= port.port
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster'
  if (hasNodePorts(spec) || spec.type === 'ClusterIP') spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type !== 'LoadBalancer') return
  spec.allocateLoadBalancerNodePorts ??= true
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP'
}

/**
 * A service as stored, with what services of old releases lack. The same object where nothing is missing.
 *
 * @see kubernetes pkg/registry/core/service/storage/storage.go defaultOnReadService
 */
export function withReadDefaults(service: Service, defaultFamily: IpFamily): Service {
  const spec = service.spec ?? {}
  const plural = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : [])
  const complete = (spec.ipFamilies ?? []).length > 0 && spec.clusterIPs !== undefined
  if (!needsClusterIP(spec)) return service
  if (complete) return service
  const families = (spec.ipFamilies ?? []).length > 0 ? spec.ipFamilies! : familiesOnRead(spec, plural, defaultFamily)
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? (families.length === 2 ? 'RequireDualStack' : 'SingleStack')
  return { ...service, spec: { ...spec, clusterIPs: plural, ipFamilies: [...families], ipFamilyPolicy } }
}

function familiesOnRead(spec: ServiceSpec, ips: readonly string[], defaultFamily: IpFamily): string[] {
  if (spec.clusterIP !== CLUSTER_IP_NONE) return ips.map(familyOf)
  const other: IpFamily = defaultFamily === 'IPv4' ? 'IPv6' : 'IPv4'
  return hasSelector(spec) ? [defaultFamily] : [defaultFamily, other]
}

/** Brings the list of addresses into line with the single address that older clients know. */
export function normalizeClusterIps(spec: ServiceSpec, old: ServiceSpec | undefined): void {
  const { clusterIP = '', clusterIPs = [] } = spec
  if (!old) {
    if (clusterIP !== '' && clusterIPs.length === 0) spec.clusterIPs = [clusterIP]
    return
  }
  const before = old.clusterIP ?? ''
  if ((old.clusterIPs ?? []).length > 0 && clusterIPs.length === 0 && before === clusterIP) {
    spec.clusterIPs = [...old.clusterIPs!]
  }
  if (before === clusterIP || !sameTexts(old.clusterIPs, spec.clusterIPs)) return
  if (before !== '' && clusterIP === '') delete spec.clusterIPs
  else spec.clusterIPs = [clusterIP]
}

/** Takes over what was allocated before, where the client left it out: the manifest of a create can be sent again. */
export function patchAllocatedValues(spec: ServiceSpec, old: ServiceSpec): void {
  if (needsClusterIP(old) && needsClusterIP(spec)) {
    if (!spec.clusterIP && old.clusterIP) spec.clusterIP = old.clusterIP
    if ((spec.clusterIPs ?? []).length === 0 && old.clusterIPs) spec.clusterIPs = [...old.clusterIPs]
  }
  if (allocatesNodePorts(old) && allocatesNodePorts(spec)) patchNodePorts(spec, old)
  if (needsHealthCheck(old) && needsHealthCheck(spec) && old.healthCheckNodePort) {
    spec.healthCheckNodePort ||= old.healthCheckNodePort
  }
}

/** By the names of the ports; a port of the nodes that stands in the new spec already is not given again. */
function patchNodePorts(spec: ServiceSpec, old: ServiceSpec): void {
  const now = new Set(nodePortsOf(spec))
  const used = new Set(nodePortsOf(old).filter((port) => now.has(port)))
  const byName = new Map((old.ports ?? []).map(({ name = '', nodePort = 0 }) => [name, nodePort]))
  for (const port of spec.ports ?? []) {
    const before = byName.get(port.name ?? '') ?? 0
    if (!port.nodePort && before !== 0 && !used.has(before)) port.nodePort = before
  }
}

/** Drops what the new type has no use for and the client did not touch. */
export function dropTypeDependentFields(service: Service, oldService: Service): void {
  const spec = specOf(service)
  const old = oldService.spec ?? {}
  if (needsClusterIP(old) && !needsClusterIP(spec)) dropAddresses(spec, old)
  if (hasNodePorts(old) && !hasNodePorts(spec)) {
    const before = new Set(nodePortsOf(old))
    if (nodePortsOf(spec).every((port) => before.has(port))) for (const port of spec.ports ?? []) delete port.nodePort
  }
  if (needsHealthCheck(old) && !needsHealthCheck(spec)) dropUnchanged(spec, old, 'healthCheckNodePort')
  const wasLoadBalancer = old.type === 'LoadBalancer'
  if (wasLoadBalancer && spec.type !== 'LoadBalancer') {
    dropUnchanged(spec, old, 'allocateLoadBalancerNodePorts')
    dropUnchanged(spec, old, 'loadBalancerClass')
  }
  if (isExternallyAccessible(old) && !isExternallyAccessible(spec)) dropUnchanged(spec, old, 'externalTrafficPolicy')
  if (spec.type !== 'LoadBalancer' && service.status?.loadBalancer?.ingress) {
    service.status = { ...service.status, loadBalancer: {} }
  }
}

function dropAddresses(spec: ServiceSpec, old: ServiceSpec): void {
  if ((spec.clusterIP ?? '') === (old.clusterIP ?? '') && sameTexts(spec.clusterIPs, old.clusterIPs)) {
    delete spec.clusterIP
    delete spec.clusterIPs
  }
  if (sameTexts(spec.ipFamilies, old.ipFamilies)) delete spec.ipFamilies
  dropUnchanged(spec, old, 'ipFamilyPolicy')
}

function dropUnchanged(spec: ServiceSpec, old: ServiceSpec, field: keyof ServiceSpec): void {
  if (spec[field] === old[field]) delete spec[field]
}

export function serviceWarnings({ metadata, spec = {} }: Service): string[] {
  const out: string[] = []
  if (metadata.annotations?.[TOPOLOGY_HINTS_ANNOTATION] !== undefined) {
    out.push(`annotation ${TOPOLOGY_HINTS_ANNOTATION} is deprecated, please use ${TOPOLOGY_MODE_ANNOTATION} instead`)
  }
  const { clusterIP = '', clusterIPs = [], externalIPs = [], loadBalancerIP = '' } = spec
  if (clusterIP !== '' && clusterIP !== CLUSTER_IP_NONE) {
    for (const [i, ip] of clusterIPs.entries()) out.push(...warningsForIP(SPEC.child('clusterIPs').index(i), ip))
  }
  const headless = spec.type === 'ClusterIP' && clusterIP === CLUSTER_IP_NONE
  if (headless && loadBalancerIP !== '') out.push('spec.loadBalancerIP is ignored for headless services')
  if (headless && externalIPs.length > 0) out.push('spec.externalIPs is ignored for headless services')
  if (headless && spec.sessionAffinity !== 'None') out.push('spec.SessionAffinity is ignored for headless services')
  for (const [i, ip] of externalIPs.entries()) out.push(...warningsForIP(SPEC.child('externalIPs').index(i), ip))
  if (externalIPs.length > 0 && !headless && spec.type !== 'ExternalName') {
    out.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters')
  }
  if (loadBalancerIP !== '') out.push(...warningsForIP(SPEC.child('loadBalancerIP'), loadBalancerIP))
  for (const [i, cidr] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    out.push(...warningsForCIDR(SPEC.child('loadBalancerSourceRanges').index(i), cidr))
  }
  if (spec.type === 'ExternalName' && externalIPs.length > 0) {
    out.push('spec.externalIPs is ignored when spec.type is "ExternalName"')
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    out.push('spec.externalName is ignored when spec.type is not "ExternalName"')
  }
  if (spec.trafficDistribution === 'PreferClose') {
    out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
  }
  return out
}
