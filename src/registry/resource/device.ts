import { type FieldError, invalid, notFoundField, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { parseQuantity } from '../../apimachinery/quantity.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  Counter,
  CounterSet,
  Device,
  DeviceCounterConsumption,
  NodeAllocatableResourceMapping,
} from '../../apimachinery/types/resource-v1.ts'
import { DNS1123_LABEL_MAX_LENGTH, invalidEach } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateNodeSelector } from '../core/pod/scheduling-validation.ts'
import { validateMap, validateSet, validateSlice } from './collections.ts'
import { countAttributeValues, validateDeviceAttribute } from './device-attribute.ts'
import { validateSharedCapacity, validateWholeCapacity } from './device-capacity.ts'
import { QUALIFIED_NAME_MAX_LENGTH, validateLabelName, validateQualifiedName } from './device-names.ts'
import { validateBindingConditions, validateTaint } from './device-toleration.ts'

const MAX_ATTRIBUTES_AND_CAPACITIES = 32
const MAX_ATTRIBUTE_VALUES = 48
const MAX_TAINTS = 16
const MAX_CONSUMED_SETS = 2
const MAX_COUNTERS = 32
const NODE_CHOICE =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'

/** `old`: the device of that name in the stored slice. @see kubernetes pkg/apis/resource/validation/validation.go validateDevice */
export function validateDevice(
  device: Device,
  old: Device | undefined,
  perDeviceNodeSelection: boolean,
  path: FieldPath,
): FieldError[] {
  const names = {
    max: Number.POSITIVE_INFINITY,
    maxKeyLength: QUALIFIED_NAME_MAX_LENGTH,
    validateKey: validateQualifiedName,
  }
  const validateCapacity = device.allowMultipleAllocations ? validateSharedCapacity : validateWholeCapacity
  const consumed = { max: MAX_CONSUMED_SETS, validateItem: validateConsumption, key: consumptionKey }
  return [
    ...validateLabelName(device.name, path.child('name')),
    ...validateSizes(device, path),
    ...validateMap(device.attributes, { ...names, validateItem: validateDeviceAttribute }, path.child('attributes')),
    ...validateMap(device.capacity, { ...names, validateItem: validateCapacity }, path.child('capacity')),
    ...(old && semanticEqual(old.taints, device.taints)
      ? []
      : validateSlice(device.taints, MAX_TAINTS, validateTaint, path.child('taints'))),
    ...validateSet(device.consumesCounters, consumed, path.child('consumesCounters')),
    ...(perDeviceNodeSelection ? validateNodeChoice(device, path) : forbidNodeChoice(device, path)),
    ...validateBindingConditions(device, path),
    ...validateMappings(device, path.child('nodeAllocatableResourceMappings')),
  ]
}

function validateSizes(device: Device, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const named = Object.keys(device.attributes ?? {}).length + Object.keys(device.capacity ?? {}).length
  if (named > MAX_ATTRIBUTES_AND_CAPACITIES) {
    const detail = `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES_AND_CAPACITIES}`
    errors.push(invalid(path, named, detail))
  }
  const values = countAttributeValues(device.attributes)
  if (values > MAX_ATTRIBUTE_VALUES) {
    errors.push(invalid(path, values, `the total number of attribute values must not exceed ${MAX_ATTRIBUTE_VALUES}`))
  }
  return errors
}

function validateNodeChoice(device: Device, path: FieldPath): FieldError[] {
  const { nodeName, nodeSelector, allNodes } = device
  const chosen: string[] = []
  const errors: FieldError[] = []
  const namePath = path.child('nodeName')
  if (nodeName) {
    chosen.push('`nodeName`')
    errors.push(...invalidEach(namePath, nodeName, nameIsDNSSubdomain(nodeName, false)))
  } else if (nodeName !== undefined) errors.push(invalid(namePath, nodeName, 'must not be empty'))
  if (nodeSelector) {
    chosen.push('`nodeSelector`')
    errors.push(...validateNodeSelector(nodeSelector, {}, path.child('nodeSelector')))
  }
  if (allNodes) chosen.push('`allNodes`')
  else if (allNodes !== undefined) {
    errors.push(invalid(path.child('allNodes'), allNodes, 'must be either unset or set to true'))
  }
  if (chosen.length === 0) errors.push(required(path, NODE_CHOICE))
  if (chosen.length > 1) errors.push(invalid(path, `{${chosen.join(', ')}}`, NODE_CHOICE))
  return errors
}

function forbidNodeChoice({ nodeName, nodeSelector, allNodes }: Device, path: FieldPath): FieldError[] {
  if (nodeName === undefined && !nodeSelector && allNodes === undefined) return []
  const detail =
    '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  return [invalid(path, undefined, detail)]
}

const counterRules = {
  max: MAX_COUNTERS,
  maxKeyLength: DNS1123_LABEL_MAX_LENGTH,
  validateKey: validateLabelName,
  validateItem: (): FieldError[] => [],
}

function validateCounters(counters: Readonly<Record<string, Counter>> | undefined, path: FieldPath): FieldError[] {
  if (Object.keys(counters ?? {}).length === 0) return [required(path, '')]
  return validateMap(counters, counterRules, path)
}

const consumptionKey = ({ counterSet = '' }: DeviceCounterConsumption): string => counterSet

function validateConsumption(consumption: DeviceCounterConsumption, path: FieldPath): FieldError[] {
  const setPath = path.child('counterSet')
  return [
    ...(consumption.counterSet ? validateLabelName(consumption.counterSet, setPath) : [required(setPath, '')]),
    ...validateCounters(consumption.counters, path.child('counters')),
  ]
}

/** Counters that devices of a pool share. */
export function validateCounterSet(set: CounterSet, path: FieldPath): FieldError[] {
  const namePath = path.child('name')
  return [
    ...(set.name ? validateLabelName(set.name, namePath) : [required(namePath, '')]),
    ...validateCounters(set.counters, path.child('counters')),
  ]
}

/** @see https://kep.k8s.io/5517 */
function validateMappings(
  { nodeAllocatableResourceMappings: mappings, capacity }: Device,
  path: FieldPath,
): FieldError[] {
  return Object.keys(mappings ?? {})
    .sort()
    .flatMap((resource) => [
      ...(resource.includes('/') && !resource.includes('kubernetes.io/')
        ? [invalid(path.key(resource), resource, 'must be a node allocatable resource name')]
        : []),
      ...validateMapping(mappings![resource]!, Object.keys(capacity ?? {}), path.key(resource)),
    ])
}

function validateMapping(
  { allocationMultiplier, capacityKey }: NodeAllocatableResourceMapping,
  capacities: readonly string[],
  path: FieldPath,
): FieldError[] {
  if (allocationMultiplier === undefined && capacityKey === undefined) {
    return [invalid(path, '', 'at least one of allocationMultiplier or capacityKey must be set')]
  }
  const errors: FieldError[] = []
  if (allocationMultiplier !== undefined && parseQuantity(allocationMultiplier).sign() <= 0) {
    errors.push(invalid(path.child('allocationMultiplier'), allocationMultiplier, 'must be positive'))
  }
  const keyPath = path.child('capacityKey')
  if (capacityKey === '') errors.push(invalid(keyPath, '', 'capacityKey must not be an empty string'))
  else if (capacityKey !== undefined && !capacities.includes(capacityKey)) {
    errors.push(notFoundField(keyPath, capacityKey))
  }
  return errors
}
