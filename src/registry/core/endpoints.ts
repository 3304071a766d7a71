import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from '../../apimachinery/types/core-v1.ts'
import { isValidIPForLegacyField, parseIp, warningsForIP } from '../../apimachinery/validation/ip.ts'
import { invalidEach, isDNS1123Label, isQualifiedName, isValidPortNum } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, listWithMore, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { legacyIpOptions } from './legacy-ip.ts'

const METADATA = FieldPath.of('metadata')
const SUBSETS = FieldPath.of('subsets')

/** Protocols of ports, as upstream lists them. */
export const PORT_PROTOCOLS: readonly string[] = ['SCTP', 'TCP', 'UDP']

/**
 * Whether an address makes sense as an endpoint (or, for history's sake, as an external IP of a service).
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidateEndpointIP
 */
export function validateEndpointIP(text: string, path: FieldPath): FieldError[] {
  const ip = parseIp(text)
  if (!ip) return [invalid(path, text, 'must be a valid IP address')]
  const errors: FieldError[] = []
  const v4 = ip.family === 4
  const top = (bits: bigint): bigint => ip.value >> ((v4 ? 32n : 128n) - bits)
  if (ip.value === 0n) errors.push(invalid(path, text, `may not be unspecified (${text})`))
  if (v4 ? top(8n) === 127n : ip.value === 1n) {
    errors.push(invalid(path, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'))
  }
  if (v4 ? top(16n) === 0xa9fen : top(10n) === 0x3fan) {
    errors.push(invalid(path, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'))
  }
  if (v4 ? top(24n) === 0xe00000n : (top(16n) & 0xff0fn) === 0xff02n) {
    errors.push(invalid(path, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'))
  }
  return errors
}

function validateAddress(address: EndpointAddress, path: FieldPath, strict: boolean): FieldError[] {
  const { ip = '', hostname, nodeName } = address
  const errors = isValidIPForLegacyField(path.child('ip'), ip, { strict })
  if (hostname) errors.push(...invalidEach(path.child('hostname'), hostname, isDNS1123Label(hostname)))
  if (nodeName !== undefined) {
    errors.push(...invalidEach(path.child('nodeName'), nodeName, nameIsDNSSubdomain(nodeName, false)))
  }
  errors.push(...validateEndpointIP(ip, path.child('ip')))
  return errors
}

function validatePort(port: EndpointPort, requireName: boolean, path: FieldPath): FieldError[] {
  const { name = '', protocol = '', appProtocol } = port
  const errors: FieldError[] = []
  if (name !== '') errors.push(...invalidEach(path.child('name'), name, isDNS1123Label(name)))
  else if (requireName) errors.push(required(path.child('name'), ''))
  errors.push(...invalidEach(path.child('port'), port.port ?? 0, isValidPortNum(port.port ?? 0)))
  if (protocol === '') errors.push(required(path.child('protocol'), ''))
  else if (!PORT_PROTOCOLS.includes(protocol)) {
    errors.push(notSupported(path.child('protocol'), protocol, PORT_PROTOCOLS))
  }
  if (appProtocol !== undefined) {
    errors.push(...invalidEach(path.child('appProtocol'), appProtocol, isQualifiedName(appProtocol)))
  }
  return errors
}

function validateSubset(subset: EndpointSubset, path: FieldPath, strict: boolean): FieldError[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset
  const errors: FieldError[] = []
  if (addresses.length === 0 && notReadyAddresses.length === 0) {
    errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'))
  }
  for (const [i, address] of addresses.entries()) {
    errors.push(...validateAddress(address, path.child('addresses').index(i), strict))
  }
  for (const [i, address] of notReadyAddresses.entries()) {
    errors.push(...validateAddress(address, path.child('notReadyAddresses').index(i), strict))
  }
  for (const [i, port] of ports.entries()) {
    errors.push(...validatePort(port, ports.length > 1, path.child('ports').index(i)))
  }
  return errors
}

/** Subsets that an update leaves alone stay valid, whatever they are. */
function validateEndpoints(endpoints: Endpoints, old: Endpoints | undefined, strict: boolean): FieldError[] {
  const errors = validateObjectMeta(endpoints.metadata, true, nameIsDNSSubdomain, METADATA)
  const subsets = endpoints.subsets ?? []
  const subsetErrors = subsets.flatMap((subset, i) => validateSubset(subset, SUBSETS.index(i), strict))
  const unchanged = subsetErrors.length > 0 && old !== undefined && semanticEqual(old.subsets, subsets)
  return unchanged ? errors : errors.concat(subsetErrors)
}

function warnings(endpoints: Endpoints): string[] {
  // The endpoints controller writes addresses in their best form itself.
  if (endpoints.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return []
  const out: string[] = []
  for (const [i, subset] of (endpoints.subsets ?? []).entries()) {
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      for (const [j, { ip }] of (subset[list] ?? []).entries()) {
        out.push(...warningsForIP(SUBSETS.index(i).child(list).index(j).child('ip'), ip))
      }
    }
  }
  return out
}

/** `ip:port` of every ready address and port; the ip alone in a subset without ports. */
function formatEndpoints({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return '<none>'
  const list = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`)),
  )
  return listWithMore(list, 3, '')
}

/** @see kubernetes pkg/registry/core/endpoint/strategy.go */
export const endpoints = defineResource<Endpoints>({
  group: '',
  resource: 'endpoints',
  hubVersion: 'v1',
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  defaults(obj) {
    for (const subset of obj.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP'
  },
  strategy: {
    validate: (obj, { config }) => validateEndpoints(obj, undefined, legacyIpOptions(config).strict),
    warningsOnCreate: warnings,
    validateUpdate: (obj, old, { config }) => [
      ...validateObjectMetaUpdate(obj.metadata, old.metadata, METADATA),
      ...validateEndpoints(obj, old, legacyIpOptions(config).strict),
    ],
    warningsOnUpdate: warnings,
  },
  table: {
    columns: [nameColumn, column('Endpoints'), ageColumn],
    cells: (obj, now) => [obj.metadata.name ?? '', formatEndpoints(obj), age(obj, now)],
  },
})
