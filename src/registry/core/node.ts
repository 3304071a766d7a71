import type { FieldError } from '../../apimachinery/field-error.ts'
import { duplicate, forbidden, internalFieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type {
  ConfigMapNodeConfigSource,
  Node,
  NodeConfigSource,
  NodeConfigStatus,
} from '../../apimachinery/types/core-v1.ts'
import { isValidCIDRForLegacyField, parseCidr, warningsForCIDR } from '../../apimachinery/validation/ip.ts'
import {
  byteLength,
  DNS1123_SUBDOMAIN_MAX_LENGTH,
  invalidEach,
  isConfigMapKey,
} from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateNamespaceName } from '../../apimachinery/validation/object-meta.ts'
import type { Cell, RegistryConfig, UpdateStrategy } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { legacyIpOptions } from './legacy-ip.ts'
import { validateNodeAnnotations, validateTaints } from './node-taints.ts'
import { setResourceListDefaults } from './pod/pod-defaults.ts'
import { NOT_POSITIVE_MESSAGE, validateResourceQuantityValue } from './resource-quantity.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

/** Keeps the older, single CIDR and the list of them in line; the single one wins where they differ. */
function alignPodCidrs(node: Node): void {
  const spec = node.spec
  if (!spec) return
  const cidrs = spec.podCIDRs ?? []
  if (spec.podCIDR && spec.podCIDR !== cidrs[0]) spec.podCIDRs = [spec.podCIDR]
  else if (!spec.podCIDR && cidrs[0]) spec.podCIDR = cidrs[0]
}

function setDefaults(node: Node): void {
  alignPodCidrs(node)
  const status = node.status
  if (!status) return
  if (!status.allocatable && status.capacity) status.allocatable = { ...status.capacity }
  setResourceListDefaults(status.capacity)
  setResourceListDefaults(status.allocatable)
}

/** Fields whose feature is off, or gone, do not get in; what is stored stays. */
function dropDisabledFields(node: Node, old: Node | undefined, { featureGates }: RegistryConfig): void {
  if (node.spec && !old?.spec?.configSource) delete node.spec.configSource
  if (node.status && !old) delete node.status.config
  const declares = featureGates['NodeDeclaredFeatures'] ?? true
  if (node.status && !declares && !old?.status?.declaredFeatures) delete node.status.declaredFeatures
}

function validateNode(node: Node, config: RegistryConfig): FieldError[] {
  const errors = validateObjectMeta(node.metadata, false, nameIsDNSSubdomain, METADATA)
  errors.push(...validateNodeAnnotations(node.metadata.annotations, METADATA.child('annotations')))
  errors.push(...validateTaints(node.spec?.taints ?? [], METADATA.child('taints')))
  errors.push(...validateResources(node))
  const swap = node.status?.nodeInfo?.swap?.capacity
  if (swap !== undefined && swap <= 0) {
    errors.push(invalid(METADATA.child('nodeSwapStatus', 'capacity'), swap, NOT_POSITIVE_MESSAGE))
  }
  errors.push(...validateDeclaredFeatures(node.status?.declaredFeatures ?? []))
  return errors.concat(validatePodCidrs(node.spec?.podCIDRs ?? [], config))
}

function validatePodCidrs(cidrs: readonly string[], config: RegistryConfig): FieldError[] {
  const path = SPEC.child('podCIDRs')
  const options = legacyIpOptions(config)
  const errors = cidrs.flatMap((cidr, i) => isValidCIDRForLegacyField(path.index(i), cidr, options))
  if (cidrs.length < 2) return errors
  const networks = cidrs.map(parseCidr)
  const bad = networks.indexOf(undefined)
  if (bad >= 0) {
    const reason = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`
    const words = 'invalid PodCIDRs. failed to check with dual stack with error:'
    errors.push(internalFieldError(path, words + reason))
  }
  const families = new Set(networks.map((network) => network?.base.family))
  if (bad >= 0 || families.size < 2 || cidrs.length > 2) {
    errors.push(invalid(path, cidrs, 'may specify no more than one CIDR for each IP family'))
  }
  return errors
}

function validateResources({ status }: Node): FieldError[] {
  return (['capacity', 'allocatable'] as const).flatMap((field) =>
    Object.entries(status?.[field] ?? {}).flatMap(([name, quantity]) =>
      validateResourceQuantityValue(name, quantity, STATUS.child(field, name)),
    ),
  )
}

const FEATURE_NAME = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/
const FEATURE_NAME_RULE =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"

function validateDeclaredFeatures(features: readonly string[]): FieldError[] {
  const path = STATUS.child('declaredFeatures')
  const errors: FieldError[] = []
  for (const [i, feature] of features.entries()) {
    const tooLong = byteLength(feature) > DNS1123_SUBDOMAIN_MAX_LENGTH
    if (tooLong || !FEATURE_NAME.test(feature)) {
      const rule = tooLong ? `must be no more than ${DNS1123_SUBDOMAIN_MAX_LENGTH} characters` : FEATURE_NAME_RULE
      errors.push(invalid(path.index(i), feature, `invalid feature name ${goQuote(feature)}: ${rule}`))
    }
    const next = features[i + 1]
    if (next === undefined) continue
    if (feature === next) errors.push(duplicate(path.index(i + 1), next))
    else if (feature > next) errors.push(invalid(path.index(i + 1), next, 'list must be sorted alphabetically'))
  }
  return errors
}

function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors = validateObjectMetaUpdate(node.metadata, old.metadata, METADATA)
  errors.push(...validateNodeAnnotations(node.metadata.annotations, METADATA.child('annotations')))
  errors.push(...validateResources(node))
  errors.push(...validateDeclaredFeatures(node.status?.declaredFeatures ?? []))
  errors.push(...validateAddresses(node))
  errors.push(...validateCidrUpdate(node.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []))
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID) {
    const words = 'node updates may not change providerID except from "" to valid'
    errors.push(forbidden(SPEC.child('providerID'), words))
  }
  const source = node.spec?.configSource
  if (source) errors.push(...validateConfigSource(source, SPEC.child('configSource'), validateSpecConfigMap))
  if (node.status?.config) errors.push(...validateConfigStatus(node.status.config, STATUS.child('config')))
  errors.push(...validateTaints(node.spec?.taints ?? [], METADATA.child('taints')))
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) {
    errors.push(forbidden(SPEC.child('externalID'), 'may not be updated'))
  }
  return errors
}

const goNodeAddress = goStruct(['Type', 'type', goString], ['Address', 'address', goString])

function validateAddresses({ status }: Node): FieldError[] {
  const seen = new Set<string>()
  return (status?.addresses ?? []).flatMap((address, i) => {
    const identity = JSON.stringify([address.type ?? '', address.address ?? ''])
    if (!seen.has(identity)) {
      seen.add(identity)
      return []
    }
    return [duplicate(STATUS.child('addresses').index(i), goStructValue(goNodeAddress, address))]
  })
}

/** Each CIDR that changed makes an error of its own. */
function validateCidrUpdate(cidrs: readonly string[], old: readonly string[]): FieldError[] {
  if (old.length === 0) return []
  const error = forbidden(SPEC.child('podCIDRs'), 'node updates may not change podCIDR except from "" to valid')
  if (old.length !== cidrs.length) return [error]
  return old.filter((cidr, i) => cidr !== cidrs[i]).map(() => error)
}

type ValidateConfigMap = (source: ConfigMapNodeConfigSource, path: FieldPath) => FieldError[]

const goConfigSource = goStruct([
  'ConfigMap',
  'configMap',
  goPointer(
    goStruct(
      ['Namespace', 'namespace', goString],
      ['Name', 'name', goString],
      ['UID', 'uid', goString],
      ['ResourceVersion', 'resourceVersion', goString],
      ['KubeletConfigKey', 'kubeletConfigKey', goString],
    ),
  ),
])

function validateConfigSource(source: NodeConfigSource, path: FieldPath, validate: ValidateConfigMap): FieldError[] {
  if (source.configMap) return validate(source.configMap, path.child('configMap'))
  return [invalid(path, goStructValue(goConfigSource, source), 'exactly one reference subfield must be non-nil')]
}

function validateConfigStatus(status: NodeConfigStatus, path: FieldPath): FieldError[] {
  return (['assigned', 'active', 'lastKnownGood'] as const).flatMap((field) => {
    const source = status[field]
    return source ? validateConfigSource(source, path.child(field), validateStatusConfigMap) : []
  })
}

function validateSpecConfigMap(source: ConfigMapNodeConfigSource, path: FieldPath): FieldError[] {
  const set = (['uid', 'resourceVersion'] as const).filter((field) => source[field])
  const errors = set.map((field) => forbidden(path.child(field), `${field} must not be set in spec`))
  return errors.concat(validateAnyConfigMap(source, path))
}

function validateStatusConfigMap(source: ConfigMapNodeConfigSource, path: FieldPath): FieldError[] {
  const unset = (['uid', 'resourceVersion'] as const).filter((field) => !source[field])
  return unset.map((field) => required(path.child(field), '')).concat(validateAnyConfigMap(source, path))
}

function validateAnyConfigMap(source: ConfigMapNodeConfigSource, path: FieldPath): FieldError[] {
  const rules = [
    ['namespace', (text: string) => validateNamespaceName(text, false)],
    ['name', (text: string) => nameIsDNSSubdomain(text, false)],
    ['kubeletConfigKey', isConfigMapKey],
  ] as const
  return rules.flatMap(([field, messages]) => {
    const text = source[field]
    return text ? invalidEach(path.child(field), text, messages(text)) : [required(path.child(field), '')]
  })
}

const statusStrategy: UpdateStrategy<Node> = {
  prepareForUpdate(node, old) {
    node.spec = old.spec
    if (!old.status?.config && node.status) delete node.status.config
  },
  validateUpdate: validateNodeUpdate,
}

function warnings({ spec }: Node): string[] {
  const out: string[] = []
  if (spec?.configSource) out.push('spec.configSource: the feature is removed')
  if (spec?.externalID) out.push('spec.externalID: this field is deprecated, and is unused by Kubernetes')
  for (const [i, cidr] of (spec?.podCIDRs ?? []).entries()) {
    out.push(...warningsForCIDR(SPEC.child('podCIDRs').index(i), cidr))
  }
  return out
}

const ROLE_LABEL_PREFIX = 'node-role.kubernetes.io/'
const ROLE_LABEL = 'kubernetes.io/role'

function roles({ metadata }: Node): string {
  const found = Object.entries(metadata.labels ?? {}).map(([key, value]) =>
    key.startsWith(ROLE_LABEL_PREFIX) ? key.slice(ROLE_LABEL_PREFIX.length) : key === ROLE_LABEL ? value : '',
  )
  return [...new Set(found.filter((role) => role !== ''))].sort().join(',') || '<none>'
}

function formatStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.findLast(({ type }) => type === 'Ready')
  const word = !ready ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word
}

function nodeCells(node: Node, now: number): Cell[] {
  const info = node.status?.nodeInfo
  const address = (type: string): string =>
    node.status?.addresses?.find((candidate) => candidate.type === type)?.address ?? '<none>'
  const kernel = info?.kernelVersion || '<unknown>'
  return [
    node.metadata.name ?? '',
    formatStatus(node),
    roles(node),
    age(node, now),
    info?.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info?.osImage || '<unknown>',
    info?.architecture ? `${kernel} (${info.architecture})` : kernel,
    info?.containerRuntimeVersion || '<unknown>',
  ]
}

/** @see kubernetes pkg/registry/core/node/strategy.go */
export const nodes = defineResource<Node>({
  group: '',
  resource: 'nodes',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate: (node, { config }) => dropDisabledFields(node, undefined, config),
    validate: (node, { config }) => validateNode(node, config),
    warningsOnCreate: warnings,
    prepareForUpdate(node, old, { config }) {
      node.status = old.status
      dropDisabledFields(node, old, config)
    },
    validateUpdate: (node, old, { config }) => [...validateNode(node, config), ...validateNodeUpdate(node, old)],
    warningsOnUpdate: warnings,
  },
  subresourceStrategies: { status: statusStrategy },
  selectableFields: (node) => ({ 'spec.unschedulable': String(node.spec?.unschedulable ?? false) }),
  table: {
    columns: [
      nameColumn,
      column('Status'),
      column('Roles'),
      ageColumn,
      column('Version'),
      column('Internal-IP', 'string', 1),
      column('External-IP', 'string', 1),
      column('OS-Image', 'string', 1),
      column('Kernel-Version', 'string', 1),
      column('Container-Runtime', 'string', 1),
    ],
    cells: nodeCells,
  },
})
