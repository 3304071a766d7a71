import {
  duplicate,
  type FieldError,
  internalFieldError,
  invalid,
  notSupported,
  required,
  tooMany,
} from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from '../../apimachinery/types/discovery-v1.ts'
import {
  isIPv4String,
  isIPv6String,
  isValidIP,
  isValidIPForLegacyField,
  warningsForIP,
} from '../../apimachinery/validation/ip.ts'
import {
  invalidEach,
  isDNS1123Label,
  isFullyQualifiedDomainName,
  isQualifiedName,
  isValidLabelValue,
} from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateImmutableField,
  validateLabels,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta } from '../core/core-object-meta.ts'
import { PORT_PROTOCOLS, validateEndpointIP } from '../core/endpoints.ts'
import { legacyIpOptions } from '../core/legacy-ip.ts'
import { defineResource, type RegistryConfig, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, listWithMore, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const ADDRESS_TYPE = FieldPath.of('addressType')
const PORTS = FieldPath.of('ports')
const ENDPOINTS = FieldPath.of('endpoints')

const MAX_PORTS = 20_000
const MAX_ENDPOINTS = 1000
const MAX_ADDRESSES = 100
const MAX_TOPOLOGY_LABELS = 16
const MAX_HINTS = 8

const HOSTNAME_LABEL = 'kubernetes.io/hostname'
const ZONE_LABEL = 'topology.kubernetes.io/zone'
const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by'
const CONTROLLERS = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io']

/** @see pkg/apis/discovery/v1/defaults.go */
function setDefaults({ ports }: EndpointSlice): void {
  for (const port of ports ?? []) {
    port.name ??= ''
    port.protocol ??= 'TCP'
  }
}

/** deprecatedTopology is written by old clients only; the node that it names moves to its own field if it was known. */
function dropTopology(slice: EndpointSlice, old: EndpointSlice | undefined): void {
  if (old && semanticEqual(slice.endpoints, old.endpoints)) return
  const known = new Set((old?.endpoints ?? []).map(({ deprecatedTopology }) => deprecatedTopology?.[HOSTNAME_LABEL]))
  for (const endpoint of slice.endpoints ?? []) {
    const node = endpoint.deprecatedTopology?.[HOSTNAME_LABEL]
    if (endpoint.nodeName === undefined && node && known.has(node) && nameIsDNSSubdomain(node, false).length === 0) {
      endpoint.nodeName = node
    }
    delete endpoint.deprecatedTopology
  }
}

function validateAddressType(type: string): FieldError[] {
  const known = ['FQDN', 'IPv4', 'IPv6']
  if (type === '') return [required(ADDRESS_TYPE, '')]
  return known.includes(type) ? [] : [notSupported(ADDRESS_TYPE, type, known)]
}

function validatePort(
  { name = '', protocol, appProtocol }: EndpointPort,
  path: FieldPath,
  seen: Set<string>,
): FieldError[] {
  const namePath = path.child('name')
  const errors = name === '' ? [] : invalidEach(namePath, name, isDNS1123Label(name))
  if (seen.has(name)) errors.push(duplicate(namePath, name))
  seen.add(name)
  if (protocol === undefined) errors.push(required(path.child('protocol'), ''))
  else if (!PORT_PROTOCOLS.includes(protocol)) {
    errors.push(notSupported(path.child('protocol'), protocol, PORT_PROTOCOLS))
  }
  if (appProtocol === undefined) return errors
  return errors.concat(invalidEach(path.child('appProtocol'), appProtocol, isQualifiedName(appProtocol)))
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  if (ports.length > MAX_PORTS) return [tooMany(PORTS, ports.length, MAX_PORTS)]
  const seen = new Set<string>()
  return ports.flatMap((port, i) => validatePort(port, PORTS.index(i), seen))
}

/** `list`: path of the addresses; errors of family stand there and not on the one address. */
function validateAddress(
  address: string,
  type: string,
  list: FieldPath,
  i: number,
  config: RegistryConfig,
): FieldError[] {
  const path = list.index(i)
  if (type === 'FQDN') return isFullyQualifiedDomainName(path, address)
  if (type !== 'IPv4' && type !== 'IPv6') return []
  const isV4 = type === 'IPv4'
  const errors = isV4 ? isValidIPForLegacyField(path, address, legacyIpOptions(config)) : isValidIP(path, address)
  if (errors.length > 0) return errors
  if (!(isV4 ? isIPv4String(address) : isIPv6String(address))) {
    errors.push(invalid(list, address, `must be an ${type} address`))
  }
  return errors.concat(validateEndpointIP(address, path))
}

function validateAddresses(
  addresses: readonly string[],
  type: string,
  path: FieldPath,
  config: RegistryConfig,
): FieldError[] {
  const errors: FieldError[] = []
  if (addresses.length === 0) errors.push(required(path, 'must contain at least 1 address'))
  else if (addresses.length > MAX_ADDRESSES) errors.push(tooMany(path, addresses.length, MAX_ADDRESSES))
  return errors.concat(addresses.flatMap((address, i) => validateAddress(address, type, path, i, config)))
}

function validateTopology(topology: Readonly<Record<string, string>> | undefined, path: FieldPath): FieldError[] {
  const count = Object.keys(topology ?? {}).length
  const errors = count > MAX_TOPOLOGY_LABELS ? [tooMany(path, count, MAX_TOPOLOGY_LABELS)] : []
  errors.push(...validateLabels(topology, path))
  if (topology?.[ZONE_LABEL] !== undefined) {
    errors.push(internalFieldError(path.key(ZONE_LABEL), 'reserved key was not removed in conversion'))
  }
  return errors
}

function validateHintNames(
  hints: readonly { readonly name: string }[],
  path: FieldPath,
  check: (name: string) => string[],
): FieldError[] {
  const seen = new Set<string>()
  return hints.flatMap(({ name = '' }, i) => {
    const namePath = path.index(i).child('name')
    const errors = seen.has(name) ? [duplicate(namePath, name)] : []
    seen.add(name)
    return errors.concat(invalidEach(namePath, name, check(name)))
  })
}

function validateHints({ forZones = [], forNodes = [] }: EndpointHints, path: FieldPath): FieldError[] {
  const zonesPath = path.child('forZones')
  if (forZones.length > MAX_HINTS) return [tooMany(zonesPath, forZones.length, MAX_HINTS)]
  const errors = validateHintNames(forZones, zonesPath, isValidLabelValue)
  const nodesPath = path.child('forNodes')
  if (forNodes.length > MAX_HINTS) return [...errors, tooMany(nodesPath, forNodes.length, MAX_HINTS)]
  return errors.concat(validateHintNames(forNodes, nodesPath, (name) => nameIsDNSSubdomain(name, false)))
}

function validateEndpoint(endpoint: Endpoint, type: string, path: FieldPath, config: RegistryConfig): FieldError[] {
  const { addresses, nodeName, deprecatedTopology, hostname, hints } = endpoint
  const errors = validateAddresses(addresses ?? [], type, path.child('addresses'), config)
  if (nodeName !== undefined) {
    errors.push(...invalidEach(path.child('nodeName'), nodeName, nameIsDNSSubdomain(nodeName, false)))
  }
  errors.push(...validateTopology(deprecatedTopology, path.child('deprecatedTopology')))
  if (hostname !== undefined) errors.push(...invalidEach(path.child('hostname'), hostname, isDNS1123Label(hostname)))
  return hints ? errors.concat(validateHints(hints, path.child('hints'))) : errors
}

function validateEndpoints(slice: EndpointSlice, config: RegistryConfig): FieldError[] {
  const endpoints = slice.endpoints ?? []
  if (endpoints.length > MAX_ENDPOINTS) return [tooMany(ENDPOINTS, endpoints.length, MAX_ENDPOINTS)]
  return endpoints.flatMap((endpoint, i) =>
    validateEndpoint(endpoint, slice.addressType ?? '', ENDPOINTS.index(i), config),
  )
}

function validateSlice(slice: EndpointSlice, old: EndpointSlice | undefined, config: RegistryConfig): FieldError[] {
  const errors = [
    ...validateObjectMeta(slice.metadata, true, nameIsDNSSubdomain, METADATA),
    ...validateAddressType(slice.addressType ?? ''),
    ...validatePorts(slice.ports ?? []),
  ]
  const endpointErrors = validateEndpoints(slice, config)
  // Endpoints that were stored once stay valid; comparing is only worth it where there are errors.
  const unchanged = endpointErrors.length > 0 && old !== undefined && semanticEqual(old.endpoints, slice.endpoints)
  return unchanged ? errors : errors.concat(endpointErrors)
}

/** Slices of the controllers have no addresses that anyone could correct. */
function addressWarnings({ metadata, endpoints }: EndpointSlice): string[] {
  if (CONTROLLERS.includes(metadata.labels?.[MANAGED_BY_LABEL] ?? '')) return []
  return (endpoints ?? []).flatMap(({ addresses }, i) =>
    (addresses ?? []).flatMap((address, j) => warningsForIP(ENDPOINTS.index(i).child('addresses').index(j), address)),
  )
}

/** Stored lists without items read as null. */
function dropEmptyLists(slice: EndpointSlice): void {
  if (slice.ports?.length === 0) delete slice.ports
  if (slice.endpoints?.length === 0) delete slice.endpoints
}

function sameContent(slice: EndpointSlice, old: EndpointSlice): boolean {
  return (
    semanticEqual(slice.addressType, old.addressType) &&
    semanticEqual(slice.endpoints, old.endpoints) &&
    semanticEqual(slice.ports, old.ports) &&
    semanticEqual(slice.metadata.labels, old.metadata.labels)
  )
}

const table: TableDefinition<EndpointSlice> = {
  columns: [nameColumn, column('AddressType'), column('Ports'), column('Endpoints'), ageColumn],
  cells(slice, now) {
    const ports = (slice.ports ?? []).map(({ port, name }) => String(port ?? name ?? '*'))
    const addresses = (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? [])
    return [
      slice.metadata.name ?? '',
      slice.addressType ?? '',
      listWithMore(ports, 3, '<unset>'),
      listWithMore(addresses, 3, '<unset>'),
      age(slice, now),
    ]
  },
}

/** @see pkg/registry/discovery/endpointslice/strategy.go, pkg/apis/discovery/validation/validation.go */
export const endpointSlices = defineResource<EndpointSlice>({
  group: 'discovery.k8s.io',
  resource: 'endpointslices',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(slice) {
      slice.metadata.generation = 1
      dropTopology(slice, undefined)
    },
    validate: (slice, { config }) => validateSlice(slice, undefined, config),
    warningsOnCreate(slice) {
      const deprecated = slice.addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []
      return deprecated.concat(addressWarnings(slice))
    },
    prepareForUpdate(slice, old) {
      if (!sameContent(slice, old)) slice.metadata.generation = (old.metadata.generation ?? 0) + 1
      dropTopology(slice, old)
    },
    validateUpdate: (slice, old, { config }) => [
      ...validateSlice(slice, old, config),
      ...validateImmutableField(slice.addressType ?? '', old.addressType, ADDRESS_TYPE),
    ],
    warningsOnUpdate: addressWarnings,
    canonicalize: dropEmptyLists,
  },
  table,
})
