/**
 * Validation of services.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go validateService
 */
import type { FieldError } from '../../../apimachinery/field-error.ts'
import { duplicate, forbidden, invalid, notSupported, required } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import { goAny, goInt, goString, goStruct, goStructValue } from '../../../apimachinery/go-struct.ts'
import type {
  LoadBalancerIngress,
  LoadBalancerStatus,
  Service,
  ServicePort,
  ServiceSpec,
} from '../../../apimachinery/types/core-v1.ts'
import type { IntOrString } from '../../../apimachinery/types/intstr.ts'
import { isValidCIDRForLegacyField, isValidIPForLegacyField, parseIp } from '../../../apimachinery/validation/ip.ts'
import {
  invalidEach,
  isDNS1123Label,
  isDNS1123Subdomain,
  isQualifiedName,
  isValidPortName,
  isValidPortNum,
} from '../../../apimachinery/validation/names.ts'
import { nameIsDNS1035Label, nameIsDNSLabel, validateLabels } from '../../../apimachinery/validation/object-meta.ts'
import type { RegistryConfig } from '../../resource.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core-object-meta.ts'
import { PORT_PROTOCOLS, validateEndpointIP } from '../endpoints.ts'
import { legacyIpOptions } from '../legacy-ip.ts'
import { namedString } from '../pod/field-checks.ts'
import { isExternallyAccessible, isHeadless, needsHealthCheck } from './service-fields.ts'
import { validateClusterIpFields, validateClusterIpsUpdate, validateIpFamiliesUpdate } from './service-ip-validation.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const INGRESS = FieldPath.of('status', 'loadBalancer', 'ingress')
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"
const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges'
/** The older name of {@link TOPOLOGY_MODE_ANNOTATION}. */
export const TOPOLOGY_HINTS_ANNOTATION = 'service.kubernetes.io/topology-aware-hints'
export const TOPOLOGY_MODE_ANNOTATION = 'service.kubernetes.io/topology-mode'
/** A day, in seconds. */
const MAX_AFFINITY_TIMEOUT = 86_400

type Config = Pick<RegistryConfig, 'featureGates'>

export function validateServiceCreate(service: Service, config: Config): FieldError[] {
  const relaxed = config.featureGates['RelaxedServiceNameValidation'] ?? true
  return [
    ...validateObjectMeta(service.metadata, true, relaxed ? nameIsDNSLabel : nameIsDNS1035Label, METADATA),
    ...validateService(service, undefined, config),
  ]
}

export function validateServiceUpdate(service: Service, old: Service, config: Config): FieldError[] {
  const spec = service.spec ?? {}
  const before = old.spec ?? {}
  const errors = [
    ...validateObjectMetaUpdate(service.metadata, old.metadata, METADATA),
    ...validateClusterIpsUpdate(spec, before),
    ...validateIpFamiliesUpdate(spec, before),
    ...validateLoadBalancerClass(spec, before),
  ]
  if (needsHealthCheck(before) && needsHealthCheck(spec)) {
    if (before.healthCheckNodePort !== spec.healthCheckNodePort) {
      errors.push(forbidden(SPEC.child('healthCheckNodePort'), 'field is immutable'))
    }
  }
  return errors.concat(validateService(service, old, config))
}

function validateService(service: Service, old: Service | undefined, config: Config): FieldError[] {
  const spec = service.spec ?? {}
  const { strict } = legacyIpOptions(config)
  return [
    ...validateTopologyAnnotations(service),
    ...validateType(spec),
    ...validatePorts(spec),
    ...validateLabels(spec.selector, SPEC.child('selector')),
    ...validateSessionAffinity(spec),
    ...validateClusterIpFields(spec, old?.spec, { strict }),
    ...validateExternalIps(spec, old?.spec, strict),
    ...validateTypeName(spec.type ?? ''),
    ...validateNodePorts(spec),
    ...validateDuplicatePorts(spec),
    ...validateSourceRanges(service, old, strict),
    ...validateLoadBalancerFields(spec),
    ...validateTrafficPolicies(spec),
  ]
}

function validateTopologyAnnotations({ metadata }: Service): FieldError[] {
  const hints = metadata.annotations?.[TOPOLOGY_HINTS_ANNOTATION]
  const mode = metadata.annotations?.[TOPOLOGY_MODE_ANNOTATION]
  if (hints === undefined || mode === undefined || hints === mode) return []
  const words = `must match annotations[${TOPOLOGY_HINTS_ANNOTATION}] when both are specified`
  return [invalid(METADATA.child('annotations').key(TOPOLOGY_MODE_ANNOTATION), mode, words)]
}

function validateType(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  const isExternalName = spec.type === 'ExternalName'
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && !isExternalName) {
    errors.push(required(SPEC.child('ports'), ''))
  }
  if (isHeadless(spec) && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    const words = `may not be set to 'None' for ${spec.type} services`
    errors.push(invalid(SPEC.child('clusterIPs').index(0), 'None', words))
  }
  return isExternalName ? errors.concat(validateExternalName(spec)) : errors
}

function validateExternalName(spec: ServiceSpec): FieldError[] {
  const words = 'may not be set for ExternalName services'
  const errors: FieldError[] = []
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbidden(SPEC.child('clusterIPs'), words))
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden(SPEC.child('ipFamilies'), words))
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden(SPEC.child('ipFamilyPolicy'), words))
  const name = (spec.externalName ?? '').replace(/\.$/, '')
  const path = SPEC.child('externalName')
  return errors.concat(name === '' ? [required(path, '')] : invalidEach(path, name, isDNS1123Subdomain(name)))
}

function validatePorts({ ports = [] }: ServiceSpec): FieldError[] {
  const names = new Set<string>()
  return ports.flatMap((port, i) => validatePort(port, ports.length > 1, names, SPEC.child('ports').index(i)))
}

function validatePort(port: ServicePort, requireName: boolean, names: Set<string>, path: FieldPath): FieldError[] {
  const { name = '', protocol = '', appProtocol, targetPort = 0 } = port
  const errors: FieldError[] = []
  if (name !== '') {
    errors.push(...invalidEach(path.child('name'), name, isDNS1123Label(name)))
    if (names.has(name)) errors.push(duplicate(path.child('name'), name))
    names.add(name)
  } else if (requireName) errors.push(required(path.child('name'), ''))
  errors.push(...invalidEach(path.child('port'), port.port ?? 0, isValidPortNum(port.port ?? 0)))
  if (protocol === '') errors.push(required(path.child('protocol'), ''))
  else if (!PORT_PROTOCOLS.includes(protocol)) {
    errors.push(notSupported(path.child('protocol'), namedString(protocol), PORT_PROTOCOLS))
  }
  errors.push(...validatePortNumOrName(targetPort, path.child('targetPort')))
  if (appProtocol !== undefined) {
    errors.push(...invalidEach(path.child('appProtocol'), appProtocol, isQualifiedName(appProtocol)))
  }
  return errors
}

/** A port by number or by name. */
function validatePortNumOrName(port: IntOrString, path: FieldPath): FieldError[] {
  return invalidEach(path, port, typeof port === 'number' ? isValidPortNum(port) : isValidPortName(port))
}

function validateSessionAffinity(spec: ServiceSpec): FieldError[] {
  const affinity = spec.sessionAffinity ?? ''
  const path = SPEC.child('sessionAffinityConfig')
  if (affinity === '') return [required(SPEC.child('sessionAffinity'), '')]
  if (affinity === 'ClientIP') return validateClientIp(spec, path)
  if (affinity !== 'None') {
    return [notSupported(SPEC.child('sessionAffinity'), namedString(affinity), ['ClientIP', 'None'])]
  }
  return spec.sessionAffinityConfig ? [forbidden(path, 'must not be set when session affinity is None')] : []
}

function validateClientIp({ sessionAffinityConfig: config }: ServiceSpec, path: FieldPath): FieldError[] {
  const words = 'when session affinity type is ClientIP'
  if (!config) return [required(path, words)]
  if (!config.clientIP) return [required(path.child('clientIP'), words)]
  const timeout = config.clientIP.timeoutSeconds
  const at = path.child('clientIP', 'timeoutSeconds')
  if (timeout === undefined) return [required(at, words)]
  if (timeout > 0 && timeout <= MAX_AFFINITY_TIMEOUT) return []
  return [invalid(at, timeout, `must be greater than 0 and less than ${MAX_AFFINITY_TIMEOUT}`)]
}

function validateExternalIps(spec: ServiceSpec, old: ServiceSpec | undefined, strict: boolean): FieldError[] {
  return (spec.externalIPs ?? []).flatMap((ip, i) => {
    const path = SPEC.child('externalIPs').index(i)
    const errors = isValidIPForLegacyField(path, ip, { strict, validOld: old?.externalIPs ?? [] })
    return errors.length > 0 ? errors : validateEndpointIP(ip, path)
  })
}

function validateTypeName(type: string): FieldError[] {
  const path = SPEC.child('type')
  if (type === '') return [required(path, '')]
  return TYPES.includes(type) ? [] : [notSupported(path, namedString(type), TYPES)]
}

function validateNodePorts({ type, ports = [] }: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [i, { nodePort = 0 }] of ports.entries()) {
    if (type !== 'ClusterIP' || nodePort === 0) continue
    const words = "may not be used when `type` is 'ClusterIP'"
    errors.push(forbidden(SPEC.child('ports').index(i).child('nodePort'), words))
  }
  for (const [i, { nodePort = 0, protocol = '' }] of ports.entries()) {
    if (nodePort === 0) continue
    const key = `${protocol}/${nodePort}`
    if (seen.has(key)) errors.push(duplicate(SPEC.child('ports').index(i).child('nodePort'), nodePort))
    seen.add(key)
  }
  return errors
}

const goServicePort = goStruct(
  ['Name', 'name', goString],
  ['Protocol', 'protocol', goString],
  ['AppProtocol', 'appProtocol', goAny],
  ['Port', 'port', goInt],
  ['TargetPort', 'targetPort', goInt],
  ['NodePort', 'nodePort', goInt],
)

function validateDuplicatePorts({ ports = [] }: ServiceSpec): FieldError[] {
  const seen = new Set<string>()
  return ports.flatMap(({ protocol, port }, i) => {
    const key = `${protocol}/${port}`
    if (seen.has(key))
      return [duplicate(SPEC.child('ports').index(i), goStructValue(goServicePort, { protocol, port }))]
    seen.add(key)
    return []
  })
}

function validateSourceRanges(service: Service, old: Service | undefined, strict: boolean): FieldError[] {
  const ranges = service.spec?.loadBalancerSourceRanges ?? []
  const isLoadBalancer = service.spec?.type === 'LoadBalancer'
  if (ranges.length > 0) {
    const path = SPEC.child('LoadBalancerSourceRanges')
    const validOld = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim())
    const errors = ranges.flatMap((range, i) =>
      isValidCIDRForLegacyField(path.index(i), range.trim(), { strict, validOld }),
    )
    return isLoadBalancer ? errors : [forbidden(path, ONLY_LOAD_BALANCER), ...errors]
  }
  const annotation = service.metadata.annotations?.[SOURCE_RANGES_ANNOTATION]
  if (annotation === undefined) return []
  const path = METADATA.child('annotations').key(SOURCE_RANGES_ANNOTATION)
  const errors = isLoadBalancer ? [] : [forbidden(path, ONLY_LOAD_BALANCER)]
  if (old?.metadata.annotations?.[SOURCE_RANGES_ANNOTATION] === annotation || annotation.trim() === '') return errors
  const parts = annotation.trim().split(',')
  return errors.concat(parts.flatMap((part) => isValidCIDRForLegacyField(path, part.trim(), { strict })))
}

function validateLoadBalancerFields(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = []
  const isLoadBalancer = spec.type === 'LoadBalancer'
  const allocates = spec.allocateLoadBalancerNodePorts
  if (allocates !== undefined && !isLoadBalancer) {
    errors.push(forbidden(SPEC.child('allocateLoadBalancerNodePorts'), ONLY_LOAD_BALANCER))
  }
  if (allocates === undefined && isLoadBalancer) {
    errors.push(required(FieldPath.of('allocateLoadBalancerNodePorts'), ''))
  }
  return errors.concat(validateLoadBalancerClass(spec, undefined))
}

function validateLoadBalancerClass(spec: ServiceSpec, old: ServiceSpec | undefined): FieldError[] {
  const path = SPEC.child('loadBalancerClass')
  const name = spec.loadBalancerClass
  const isLoadBalancer = spec.type === 'LoadBalancer'
  const errors: FieldError[] = []
  if (isLoadBalancer && old?.type === 'LoadBalancer' && old.loadBalancerClass !== name) {
    errors.push(invalid(path, name ?? null, 'may not change once set'))
  }
  if (name === undefined) return errors
  if (!isLoadBalancer) return [...errors, forbidden(path, ONLY_LOAD_BALANCER)]
  return errors.concat(invalidEach(path, name, isQualifiedName(name)))
}

const TRAFFIC_POLICIES = ['Cluster', 'Local']
const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode']

function validateTrafficPolicies(spec: ServiceSpec): FieldError[] {
  const errors = [...validateExternalTrafficPolicy(spec), ...validateHealthCheckPort(spec)]
  const internal = spec.internalTrafficPolicy
  const at = SPEC.child('internalTrafficPolicy')
  if (internal !== undefined && !TRAFFIC_POLICIES.includes(internal)) {
    errors.push(notSupported(at, namedString(internal), TRAFFIC_POLICIES))
  }
  if (internal === undefined && ['ClusterIP', 'NodePort', 'LoadBalancer'].includes(spec.type ?? '')) {
    errors.push(required(at, ''))
  }
  const distribution = spec.trafficDistribution
  if (distribution !== undefined && !TRAFFIC_DISTRIBUTIONS.includes(distribution)) {
    errors.push(notSupported(SPEC.child('trafficDistribution'), distribution, TRAFFIC_DISTRIBUTIONS))
  }
  return errors
}

function validateExternalTrafficPolicy(spec: ServiceSpec): FieldError[] {
  const path = SPEC.child('externalTrafficPolicy')
  const policy = spec.externalTrafficPolicy ?? ''
  if (!isExternallyAccessible(spec)) {
    if (policy === '') return []
    return [invalid(path, namedString(policy), 'may only be set for externally-accessible services')]
  }
  if (policy === '') return [required(path, '')]
  return TRAFFIC_POLICIES.includes(policy) ? [] : [notSupported(path, namedString(policy), TRAFFIC_POLICIES)]
}

function validateHealthCheckPort(spec: ServiceSpec): FieldError[] {
  const path = SPEC.child('healthCheckNodePort')
  const port = spec.healthCheckNodePort ?? 0
  if (needsHealthCheck(spec)) {
    return port === 0 ? [required(path, '')] : invalidEach(path, port, isValidPortNum(port))
  }
  if (port === 0) return []
  const words = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
  return [invalid(path, port, words)]
}

export function validateServiceStatusUpdate(service: Service, old: Service, config: Config): FieldError[] {
  return [
    ...validateObjectMetaUpdate(service.metadata, old.metadata, METADATA),
    ...validateLoadBalancerStatus(service.status?.loadBalancer, old.status?.loadBalancer, service.spec ?? {}, config),
  ]
}

function validateLoadBalancerStatus(
  status: LoadBalancerStatus | undefined,
  old: LoadBalancerStatus | undefined,
  spec: ServiceSpec,
  config: Config,
): FieldError[] {
  const ingress = status?.ingress ?? []
  if (spec.type !== 'LoadBalancer') {
    return ingress.length === 0 ? [] : [forbidden(INGRESS, "may only be used when `spec.type` is 'LoadBalancer'")]
  }
  const validOld = (old?.ingress ?? []).map(({ ip = '' }) => ip).filter((ip) => ip !== '')
  const { strict } = legacyIpOptions(config)
  return ingress.flatMap((one, i) => validateIngress(one, { strict, validOld }, INGRESS.index(i)))
}

function validateIngress(
  { ip = '', ipMode, hostname = '' }: LoadBalancerIngress,
  options: { readonly strict: boolean; readonly validOld: readonly string[] },
  path: FieldPath,
): FieldError[] {
  const errors = ip === '' ? [] : isValidIPForLegacyField(path.child('ip'), ip, options)
  const mode = path.child('ipMode')
  if (ipMode === undefined) {
    if (ip !== '') errors.push(required(mode, 'must be specified when `ip` is set'))
  } else if (ip === '') errors.push(forbidden(mode, 'may not be specified when `ip` is not set'))
  else if (ipMode !== 'Proxy' && ipMode !== 'VIP') {
    errors.push(notSupported(mode, namedString(ipMode), ['Proxy', 'VIP']))
  }
  if (hostname === '') return errors
  errors.push(...invalidEach(path.child('hostname'), hostname, isDNS1123Subdomain(hostname)))
  if (parseIp(hostname)) errors.push(invalid(path.child('hostname'), hostname, 'must be a DNS name, not an IP address'))
  return errors
}
