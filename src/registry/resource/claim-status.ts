import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimStatus,
} from '../../apimachinery/types/resource-v1.ts'
import { isValidInterfaceAddress } from '../../apimachinery/validation/ip.ts'
import { byteLength } from '../../apimachinery/validation/names.ts'
import { FIELD_IMMUTABLE_MESSAGE, validateConditions } from '../../apimachinery/validation/object-meta.ts'
import { validateNodeSelector } from '../core/pod/scheduling-validation.ts'
import { type RequestNames, requestNames, validateRequestRef, validateRequestRefs } from './claim-spec.ts'
import { validateSet, validateSlice } from './collections.ts'
import { MAX_CONFIGS, validateDeviceConfiguration, validateRawObject } from './device-config.ts'
import { validateDriverName, validateLabelName, validatePoolName, validateUid } from './device-names.ts'
import { validateBindingConditions } from './device-toleration.ts'
import { goAllocation, goDeviceId } from './go-types.ts'

const MAX_RESERVED_FOR = 256
const MAX_RESULTS = 32
const MAX_CONDITIONS = 8
const MAX_DATA_BYTES = 10 * 1024
const MAX_IPS = 16
const MAX_INTERFACE_NAME_BYTES = 256
const MAX_HARDWARE_ADDRESS_BYTES = 128
const SOURCES = ['FromClaim', 'FromClass']

interface DeviceId {
  readonly driver?: string
  readonly pool?: string
  readonly device?: string
  readonly shareID?: string
}

const deviceKey = ({ driver, pool, device, shareID }: DeviceId): string =>
  JSON.stringify([driver ?? '', pool ?? '', device ?? '', shareID ?? ''])

function allocatedDevices(status: ResourceClaimStatus | undefined): Set<string> {
  return new Set((status?.allocation?.devices?.results ?? []).map(deviceKey))
}

/** Drops the status of devices that were taken from the claim by this update. */
export function dropDeallocatedDevices(claim: ResourceClaim, old: ResourceClaim): void {
  const devices = claim.status?.devices
  if (!claim.status || !devices) return
  const kept = allocatedDevices(claim.status)
  const before = allocatedDevices(old.status)
  const left = devices.filter((device) => kept.has(deviceKey(device)) || !before.has(deviceKey(device)))
  if (left.length > 0) claim.status.devices = left
  else delete claim.status.devices
}

/** @see kubernetes pkg/apis/resource/validation/validation.go validateResourceClaimStatusUpdate */
export function validateClaimStatus(claim: ResourceClaim, old: ResourceClaim): FieldError[] {
  const status = claim.status ?? {}
  const path = FieldPath.of('status')
  const allocated = allocatedDevices(status)
  const consumers = { max: MAX_RESERVED_FOR, validateItem: validateConsumer, key: consumerKey }
  const devices = {
    max: Number.POSITIVE_INFINITY,
    validateItem: (device: AllocatedDeviceStatus, at: FieldPath) => validateDeviceStatus(device, allocated, at),
    key: deviceKey,
    printKey: (device: AllocatedDeviceStatus) => goStructValue(goDeviceId, device),
  }
  return [
    ...validateSet(status.reservedFor, consumers, path.child('reservedFor')),
    ...validateSet(status.devices, devices, path.child('devices')),
    ...validateReservation(claim, old, path.child('reservedFor')),
    ...validateAllocationChange(claim, old.status?.allocation, path.child('allocation')),
  ]
}

const consumerKey = ({ uid = '' }: ResourceClaimConsumerReference): string => uid

function validateConsumer(consumer: ResourceClaimConsumerReference, path: FieldPath): FieldError[] {
  return (['resource', 'name', 'uid'] as const)
    .filter((field) => !consumer[field])
    .map((field) => required(path.child(field), ''))
}

function validateReservation(claim: ResourceClaim, old: ResourceClaim, path: FieldPath): FieldError[] {
  const reserved = claim.status?.reservedFor ?? []
  if (reserved.length === 0) return []
  if (!claim.status?.allocation) return [forbidden(path, 'may not be specified when `allocated` is not set')]
  if (!claim.metadata.deletionTimestamp) return []
  const before = old.status?.reservedFor ?? []
  if (reserved.every((consumer) => before.some((known) => semanticEqual(known, consumer)))) return []
  const detail = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'
  return [forbidden(path, detail)]
}

function validateAllocationChange(
  claim: ResourceClaim,
  old: AllocationResult | undefined,
  path: FieldPath,
): FieldError[] {
  const allocation = claim.status?.allocation
  if (!allocation) return []
  if (!old) return validateAllocation(allocation, requestNames(claim.spec?.devices), path)
  if (semanticEqual(allocation, old)) return []
  return [invalid(path, goStructValue(goAllocation, allocation), FIELD_IMMUTABLE_MESSAGE)]
}

function validateAllocation(allocation: AllocationResult, names: RequestNames, path: FieldPath): FieldError[] {
  const at = path.child('devices')
  const { devices, nodeSelector } = allocation
  return [
    ...validateSlice(devices?.results, MAX_RESULTS, (r, p) => validateResult(r, names, p), at.child('results')),
    // A claim and its class may each give as many as a claim.
    ...validateSlice(devices?.config, 2 * MAX_CONFIGS, (c, p) => validateConfig(c, names, p), at.child('config')),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, {}, path.child('nodeSelector')) : []),
  ]
}

function validateResult(result: DeviceRequestAllocationResult, names: RequestNames, path: FieldPath): FieldError[] {
  return [
    ...validateRequestRef(result.request ?? '', names, path.child('request')),
    ...validateDriverName(result.driver, path.child('driver')),
    ...validatePoolName(result.pool, path.child('pool')),
    ...validateLabelName(result.device, path.child('device')),
    ...validateBindingConditions(result, path),
    ...(result.shareID === undefined ? [] : validateUid(result.shareID, path.child('shareID'))),
  ]
}

function validateConfig(config: DeviceAllocationConfiguration, names: RequestNames, path: FieldPath): FieldError[] {
  const { source = '' } = config
  const errors: FieldError[] = []
  if (source === '') errors.push(required(path.child('source'), ''))
  else if (!SOURCES.includes(source)) errors.push(notSupported(path.child('source'), source, SOURCES))
  return [
    ...errors,
    ...validateRequestRefs(config.requests, names, path.child('requests')),
    ...validateDeviceConfiguration(config, false, path),
  ]
}

function validateDeviceStatus(device: AllocatedDeviceStatus, allocated: Set<string>, path: FieldPath): FieldError[] {
  const errors = [
    ...validateDriverName(device.driver, path.child('driver')),
    ...validatePoolName(device.pool, path.child('pool')),
    ...validateLabelName(device.device, path.child('device')),
    ...(device.shareID === undefined ? [] : validateUid(device.shareID, path.child('shareID'))),
  ]
  if (!allocated.has(deviceKey(device))) {
    errors.push(invalid(path, goStructValue(goDeviceId, device), 'must be an allocated device in the claim'))
  }
  const conditions = device.conditions ?? []
  const conditionsPath = path.child('conditions')
  if (conditions.length > MAX_CONDITIONS) errors.push(tooMany(conditionsPath, conditions.length, MAX_CONDITIONS))
  return [
    ...errors,
    ...validateConditions(conditions, conditionsPath),
    ...(device.data === undefined ? [] : validateRawObject(device.data, MAX_DATA_BYTES, path.child('data'))),
    ...validateNetworkData(device.networkData, path.child('networkData')),
  ]
}

function validateNetworkData(data: NetworkDeviceData | undefined, path: FieldPath): FieldError[] {
  const { interfaceName = '', hardwareAddress = '', ips } = data ?? {}
  const errors: FieldError[] = []
  if (byteLength(interfaceName) > MAX_INTERFACE_NAME_BYTES) {
    errors.push(tooLong(path.child('interfaceName'), MAX_INTERFACE_NAME_BYTES))
  }
  if (byteLength(hardwareAddress) > MAX_HARDWARE_ADDRESS_BYTES) {
    errors.push(tooLong(path.child('hardwareAddress'), MAX_HARDWARE_ADDRESS_BYTES))
  }
  const validateItem = (address: string, at: FieldPath): FieldError[] => isValidInterfaceAddress(at, address)
  return [...errors, ...validateSet(ips, { max: MAX_IPS, validateItem, key: (ip) => ip }, path.child('ips'))]
}
