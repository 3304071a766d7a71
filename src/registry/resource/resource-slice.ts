import { formatTime } from '../../apimachinery/clock.ts'
import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Device, ResourcePool, ResourceSlice, ResourceSliceSpec } from '../../apimachinery/types/resource-v1.ts'
import { invalidEach } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateImmutableField } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { validateNodeSelector } from '../core/pod/scheduling-validation.ts'
import { goNodeSelectorTerms } from '../go-node-selector.ts'
import { defineResource, type StrategyContext } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateSet } from './collections.ts'
import { validateCounterSet, validateDevice } from './device.ts'
import { validateDriverName, validatePoolName } from './device-names.ts'

const MAX_DEVICES = 128
/** With taints, counters or lists of values, which cost more to look at. */
const MAX_ADVANCED_DEVICES = 64
const MAX_COUNTER_SETS = 8
const METADATA = FieldPath.of('metadata')
const NODE_CHOICE = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'

const LIST_ATTRIBUTES = ['bools', 'ints', 'strings', 'versions'] as const

/** @see kubernetes pkg/apis/resource/validation/validation.go validateResourceSliceSpec */
function validateSpec(
  spec: Partial<ResourceSliceSpec>,
  old: Partial<ResourceSliceSpec> | undefined,
  path: FieldPath,
): FieldError[] {
  const errors = [
    ...validateDriverName(spec.driver, path.child('driver')),
    ...validatePool(spec.pool, path.child('pool')),
    ...(old ? validateUnchanged(spec, old, path) : []),
    ...validateNodeChoice(spec, path),
  ]
  if (spec.sharedCounters && spec.devices) {
    errors.push(invalid(path, '', 'only one of `sharedCounters` or `devices` is allowed'))
  }
  const devices = {
    max: spec.devices?.some(isAdvanced) ? MAX_ADVANCED_DEVICES : MAX_DEVICES,
    validateItem: (device: Device, at: FieldPath) => {
      const oldDevice = old?.devices?.find(({ name }) => name === device.name)
      return validateDevice(device, oldDevice, spec.perDeviceNodeSelection ?? false, at)
    },
    key: ({ name = '' }: Device) => name,
  }
  const counters = { max: MAX_COUNTER_SETS, validateItem: validateCounterSet, key: ({ name = '' }) => name }
  return [
    ...errors,
    ...validateSet(spec.devices, devices, path.child('devices')),
    ...validateSet(spec.sharedCounters, counters, path.child('sharedCounters')),
  ]
}

function isAdvanced({ taints, consumesCounters, attributes }: Device): boolean {
  if (taints?.length || consumesCounters?.length) return true
  return Object.values(attributes ?? {}).some((attribute) => LIST_ATTRIBUTES.some((field) => attribute[field]))
}

function validatePool(pool: ResourcePool | undefined, path: FieldPath): FieldError[] {
  const { resourceSliceCount = 0, generation = 0 } = pool ?? {}
  const errors = validatePoolName(pool?.name, path.child('name'))
  if (resourceSliceCount <= 0) {
    errors.push(invalid(path.child('resourceSliceCount'), resourceSliceCount, 'must be greater than zero'))
  }
  if (generation < 0) {
    errors.push(invalid(path.child('generation'), generation, 'must be greater than or equal to zero'))
  }
  return errors
}

function validateUnchanged(
  spec: Partial<ResourceSliceSpec>,
  old: Partial<ResourceSliceSpec>,
  path: FieldPath,
): FieldError[] {
  return [
    ...validateImmutableField(spec.pool?.name, old.pool?.name, path.child('pool', 'name')),
    ...validateImmutableField(spec.driver, old.driver, path.child('driver')),
    ...validateImmutableField(spec.nodeName, old.nodeName, path.child('nodeName')),
  ]
}

function validateNodeChoice(spec: Partial<ResourceSliceSpec>, path: FieldPath): FieldError[] {
  const { nodeName, nodeSelector } = spec
  const chosen: string[] = []
  const errors: FieldError[] = []
  const namePath = path.child('nodeName')
  if (nodeName) {
    chosen.push('`nodeName`')
    errors.push(...invalidEach(namePath, nodeName, nameIsDNSSubdomain(nodeName, false)))
  } else if (nodeName !== undefined) {
    errors.push(invalid(namePath, nodeName, 'must be either unset or set to a non-empty string'))
  }
  if (nodeSelector) {
    chosen.push('`nodeSelector`')
    const at = path.child('nodeSelector')
    errors.push(...validateNodeSelector(nodeSelector, {}, at))
    const terms = nodeSelector.nodeSelectorTerms ?? []
    if (terms.length !== 1) {
      const value = goStructValue(goNodeSelectorTerms, nodeSelector.nodeSelectorTerms)
      errors.push(invalid(at.child('nodeSelectorTerms'), value, 'must have exactly one node selector term'))
    }
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[field]) chosen.push(`\`${field}\``)
    else if (spec[field] !== undefined) {
      errors.push(invalid(path.child(field), spec[field], 'must be either unset or set to true'))
    }
  }
  if (chosen.length === 0) errors.push(required(path, NODE_CHOICE))
  if (chosen.length > 1) {
    errors.push(invalid(path, `{${chosen.join(', ')}}`, `${NODE_CHOICE}, but multiple fields are set`))
  }
  return errors
}

/** Fields behind gates that are off by default go, unless the stored slice has them. */
function dropDisabledFields(slice: ResourceSlice, old: ResourceSlice | undefined, { config }: StrategyContext): void {
  const devices = slice.spec?.devices ?? []
  const oldDevices = old?.spec?.devices ?? []
  const usesMappings = ({ nodeAllocatableResourceMappings: m }: Device): boolean => Object.keys(m ?? {}).length > 0
  if (!config.featureGates['DRANodeAllocatableResources'] && !oldDevices.some(usesMappings)) {
    for (const device of devices) delete device.nodeAllocatableResourceMappings
  }
  const usesLists = ({ attributes }: Device): boolean =>
    Object.values(attributes ?? {}).some((attribute) => LIST_ATTRIBUTES.some((field) => attribute[field] !== undefined))
  if (config.featureGates['DRAListTypeAttributes'] || oldDevices.some(usesLists)) return
  for (const device of devices) {
    for (const attribute of Object.values(device.attributes ?? {})) {
      for (const field of LIST_ATTRIBUTES) delete attribute[field]
    }
  }
}

/** A taint without a time was put on just now. */
function setTaintTimes(slice: ResourceSlice, { clock }: StrategyContext): void {
  for (const device of slice.spec?.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(clock.now())
  }
}

function setDefaults(slice: ResourceSlice): void {
  for (const device of slice.spec?.devices ?? []) {
    for (const mapping of Object.values(device.nodeAllocatableResourceMappings ?? {})) {
      mapping.allocationMultiplier ??= '1'
    }
  }
}

function warnings({ spec }: ResourceSlice): string[] {
  const driver = spec?.driver ?? ''
  if (driver === driver.toLowerCase()) return []
  return [`spec.driver: driver names should be lowercase; ${goQuote(driver)} contains uppercase characters`]
}

export const resourceSlices = defineResource<ResourceSlice>({
  group: 'resource.k8s.io',
  resource: 'resourceslices',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  defaults: setDefaults,
  strategy: {
    prepareForCreate(slice, context) {
      setTaintTimes(slice, context)
      slice.metadata.generation = 1
      dropDisabledFields(slice, undefined, context)
    },
    prepareForUpdate(slice, old, context) {
      setTaintTimes(slice, context)
      if (!semanticEqual(old.spec, slice.spec)) slice.metadata.generation = (old.metadata.generation ?? 0) + 1
      dropDisabledFields(slice, old, context)
    },
    validate: (slice) => [
      ...validateObjectMeta(slice.metadata, false, nameIsDNSSubdomain, METADATA),
      ...validateSpec(slice.spec ?? {}, undefined, FieldPath.of('spec')),
    ],
    validateUpdate: (slice, old) => [
      ...validateObjectMetaUpdate(slice.metadata, old.metadata, METADATA),
      ...validateSpec(slice.spec ?? {}, old.spec ?? {}, FieldPath.of('spec')),
    ],
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  selectableFields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  table: {
    columns: [nameColumn, column('Node'), column('Driver'), column('Pool'), ageColumn],
    cells: (slice, now) => [
      slice.metadata.name ?? '',
      slice.spec?.nodeName ?? '',
      slice.spec?.driver ?? '',
      slice.spec?.pool?.name ?? '',
      age(slice, now),
    ],
  },
})
