import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '../../apimachinery/types/resource-v1.ts'
import { invalidEach, isDNS1123Subdomain } from '../../apimachinery/validation/names.ts'
import { validateSet, validateSlice } from './collections.ts'
import { type DeviceValidation, MAX_CONFIGS, validateDeviceConfiguration, validateSelectors } from './device-config.ts'
import type { DeviceEnvironment } from './device-environment.ts'
import { validateFullyQualifiedName, validateLabelName } from './device-names.ts'
import { setTolerationDefaults, validateToleration } from './device-toleration.ts'

const MAX_REQUESTS = 32
const MAX_CONSTRAINTS = 32
const MAX_FIRST_AVAILABLE = 8
const ADMIN_ACCESS_LABEL = 'resource.kubernetes.io/admin-access'

/** @see kubernetes pkg/apis/resource/v1/defaults.go */
export function setClaimSpecDefaults(spec: ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    for (const exact of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (!exact) continue
      exact.allocationMode ||= 'ExactCount'
      if (exact.allocationMode === 'ExactCount') exact.count ||= 1
      setTolerationDefaults(exact.tolerations)
    }
  }
}

/** @see kubernetes pkg/apis/resource/validation/validation.go validateResourceClaimSpec */
export function validateClaimSpec(
  spec: ResourceClaimSpec | undefined,
  validation: DeviceValidation,
  path: FieldPath,
): FieldError[] {
  const devices = spec?.devices ?? {}
  const names = requestNames(devices)
  const at = path.child('devices')
  const requestRules = {
    max: MAX_REQUESTS,
    validateItem: (request: DeviceRequest, itemPath: FieldPath) => validateRequest(request, validation, itemPath),
    key: ({ name = '' }: DeviceRequest) => name,
  }
  return [
    ...validateSet(devices.requests, requestRules, at.child('requests')),
    ...validateSlice(
      devices.constraints,
      MAX_CONSTRAINTS,
      (constraint, itemPath) => validateConstraint(constraint, names, itemPath),
      at.child('constraints'),
    ),
    ...validateSlice(
      devices.config,
      MAX_CONFIGS,
      (config, itemPath) => validateClaimConfiguration(config, names, validation.isStored, itemPath),
      at.child('config'),
    ),
  ]
}

/** Names of requests, and `request/subrequest` for those with alternatives. */
export type RequestNames = ReadonlySet<string>

export function requestNames(devices: DeviceClaim | undefined): RequestNames {
  const names = new Set<string>()
  for (const { name = '', firstAvailable } of devices?.requests ?? []) {
    names.add(name)
    for (const subRequest of firstAvailable ?? []) names.add(`${name}/${subRequest.name ?? ''}`)
  }
  return names
}

function validateRequest(request: DeviceRequest, validation: DeviceValidation, path: FieldPath): FieldError[] {
  const errors = validateLabelName(request.name, path.child('name'))
  const hasFirstAvailable = (request.firstAvailable ?? []).length > 0
  if (!hasFirstAvailable && !request.exactly) {
    return [...errors, required(path, 'exactly one of `exactly` or `firstAvailable` is required')]
  }
  if (hasFirstAvailable && request.exactly) {
    const detail = 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set'
    return [...errors, invalid(path, undefined, detail)]
  }
  if (request.exactly) return [...errors, ...validateExact(request.exactly, validation, path.child('exactly'))]
  const rules = {
    max: MAX_FIRST_AVAILABLE,
    validateItem: (subRequest: DeviceSubRequest, at: FieldPath) => [
      ...validateLabelName(subRequest.name, at.child('name')),
      ...validateExact(subRequest, validation, at),
    ],
    key: ({ name = '' }: DeviceSubRequest) => name,
  }
  return [...errors, ...validateSet(request.firstAvailable, rules, path.child('firstAvailable'))]
}

/** What an exact request and an alternative have in common. */
function validateExact(
  request: ExactDeviceRequest | DeviceSubRequest,
  validation: DeviceValidation,
  path: FieldPath,
): FieldError[] {
  const { deviceClassName: className = '', tolerations = [] } = request
  const classPath = path.child('deviceClassName')
  return [
    ...(className === ''
      ? [required(classPath, '')]
      : invalidEach(classPath, className, isDNS1123Subdomain(className))),
    ...validateSelectors(request.selectors, validation, path.child('selectors')),
    ...validateAllocationMode(request, path),
    ...tolerations.flatMap((toleration, i) => validateToleration(toleration, path.child('tolerations').index(i))),
  ]
}

function validateAllocationMode(request: ExactDeviceRequest | DeviceSubRequest, path: FieldPath): FieldError[] {
  const { allocationMode: mode = '', count = 0 } = request
  switch (mode) {
    case 'All':
      if (count === 0) return []
      return [invalid(path.child('count'), count, `must not be specified when allocationMode is '${mode}'`)]
    case 'ExactCount':
      return count > 0 ? [] : [invalid(path.child('count'), count, 'must be greater than zero')]
    default:
      return [notSupported(path.child('allocationMode'), mode, ['All', 'ExactCount'])]
  }
}

function validateConstraint(constraint: DeviceConstraint, names: RequestNames, path: FieldPath): FieldError[] {
  const errors = validateRequestRefs(constraint.requests, names, path.child('requests'))
  const { matchAttribute, distinctAttribute } = constraint
  if (matchAttribute !== undefined) {
    errors.push(...validateFullyQualifiedName(matchAttribute, path.child('matchAttribute')))
  } else if (distinctAttribute !== undefined) {
    errors.push(...validateFullyQualifiedName(distinctAttribute, path.child('distinctAttribute')))
  } else {
    // The words are upstream's, though nothing is set.
    const detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    errors.push(required(path, detail))
  }
  return errors
}

function validateClaimConfiguration(
  config: DeviceClaimConfiguration,
  names: RequestNames,
  isStored: boolean,
  path: FieldPath,
): FieldError[] {
  return [
    ...validateRequestRefs(config.requests, names, path.child('requests')),
    ...validateDeviceConfiguration(config, isStored, path),
  ]
}

/** A list of references to requests, each once. */
export function validateRequestRefs(
  refs: readonly string[] | undefined,
  names: RequestNames,
  path: FieldPath,
): FieldError[] {
  const validateItem = (ref: string, at: FieldPath): FieldError[] => validateRequestRef(ref, names, at)
  return validateSet(refs, { max: MAX_REQUESTS, validateItem, key: (ref) => ref }, path)
}

export function validateRequestRef(ref: string, names: RequestNames, path: FieldPath): FieldError[] {
  const detail = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
  const segments = ref.split('/')
  if (segments.length > 2) return [invalid(path, ref, detail)]
  const errors = segments.flatMap((segment) => validateLabelName(segment, path))
  return names.has(ref) ? errors : [...errors, invalid(path, ref, detail)]
}

/** Devices may be asked for with admin access only in namespaces that are marked for it. */
export function validateAdminAccess(
  requests: readonly DeviceRequest[] | undefined,
  namespace: string,
  environment: DeviceEnvironment,
): FieldError[] {
  const index = (requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess)
  if (index < 0) return []
  return adminAccessErrors(FieldPath.of('spec', 'devices', 'requests').index(index), namespace, environment)
}

export function adminAccessErrors(path: FieldPath, namespace: string, environment: DeviceEnvironment): FieldError[] {
  if (environment.allowsAdminAccess(namespace)) return []
  const label = `\`${ADMIN_ACCESS_LABEL}: true\``
  const detail = `admin access to devices requires the ${label} label on the containing namespace`
  return [forbidden(path.child('adminAccess'), detail)]
}
