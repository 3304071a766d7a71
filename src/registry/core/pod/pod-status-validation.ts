import {
  duplicate,
  type FieldError,
  forbidden,
  internalFieldError,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type {
  Container,
  ContainerStatus,
  Pod,
  PodCondition,
  PodExtendedResourceClaimStatus,
  PodSpec,
  PodStatus,
  ResourceHealth,
  ResourceStatus,
  VolumeStatus,
} from '../../../apimachinery/types/core-v1.ts'
import { isIPv4String, isIPv6String, isValidIPForLegacyField } from '../../../apimachinery/validation/ip.ts'
import { byteLength, isValidGroupID, isValidUserID } from '../../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateImmutableField } from '../../../apimachinery/validation/object-meta.ts'
import { allContainersCouldRestart, containerShouldRestart } from './container-restarts.ts'
import {
  addInvalid,
  checkDNS1123Label,
  checkObjectMetaUpdate,
  checkQualifiedName,
  type Errors,
  namedString,
  sortedKeys,
} from './field-checks.ts'
import { goPodValue } from './go-pod-types.ts'
import { checkPodSpecificAnnotationUpdates } from './pod-annotation-validation.ts'
import type { PodValidationOptions } from './pod-spec-validation.ts'
import { isNativeResource } from './resource-names.ts'

const METADATA = FieldPath.of('metadata')
const STATUS = FieldPath.of('status')
const NOT_NEGATIVE = 'must be a non-negative integer'
const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized'])
const HEALTH_VALUES = ['Healthy', 'Unhealthy', 'Unknown']
const MAX_HEALTH_MESSAGE_LENGTH = 1024
const MAX_IMAGE_REFERENCE_LENGTH = 256

type StatusList = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'
const STATUS_LISTS: readonly StatusList[] = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses']

/**
 * A pod's status as its kubelet, or a controller, writes it.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodStatusUpdate
 */
export function validatePodStatusUpdate(pod: Pod, old: Pod, options: PodValidationOptions): FieldError[] {
  const errors: FieldError[] = []
  const status = pod.status ?? {}
  const before = old.status ?? {}
  const spec = pod.spec ?? { containers: [] }
  checkObjectMetaUpdate(errors, pod.metadata ?? {}, old.metadata ?? {}, METADATA)
  checkPodSpecificAnnotationUpdates(errors, pod, old, METADATA.child('annotations'), options)
  checkConditions(errors, status.conditions, STATUS.child('conditions'))
  checkNodeNames(errors, pod, old, options)
  if ((status.observedGeneration ?? 0) < 0) {
    errors.push(invalid(STATUS.child('observedGeneration'), status.observedGeneration, NOT_NEGATIVE))
  }
  errors.push(...validateImmutableField(status.qosClass ?? '', before.qosClass ?? '', STATUS.child('qosClass')))
  checkStateTransitions(errors, status, before, old.spec ?? { containers: [] }, options)
  checkClaimStatuses(errors, status, spec)
  checkExtendedClaim(errors, status.extendedResourceClaimStatus, spec, STATUS.child('extendedResourceClaimStatus'))
  checkAllocatableClaims(errors, status, spec)
  checkAddresses(errors, status, before, options)
  for (const list of STATUS_LISTS) checkUsers(errors, status[list], STATUS.child(list), spec.os?.name ?? 'linux')
  checkAllocatedResources(errors, status.containerStatuses, spec.containers, STATUS.child('containerStatuses'))
  checkAllocatedResources(
    errors,
    status.initContainerStatuses,
    spec.initContainers,
    STATUS.child('initContainerStatuses'),
  )
  checkNoAllocatedResources(errors, status.ephemeralContainerStatuses, STATUS.child('ephemeralContainerStatuses'))
  if (options.allowImageVolumeWithDigest) {
    for (const list of STATUS_LISTS) checkVolumeStatuses(errors, status[list], STATUS.child(list))
  }
  return errors
}

function checkConditions(errors: Errors, conditions: readonly PodCondition[] | undefined, path: FieldPath): void {
  for (const [i, { type = '', observedGeneration = 0 }] of (conditions ?? []).entries()) {
    const own = path.index(i)
    if (observedGeneration < 0) errors.push(invalid(own.child('observedGeneration'), observedGeneration, NOT_NEGATIVE))
    if (!SYSTEM_CONDITIONS.has(type)) checkQualifiedName(errors, type, own.child('Type'))
  }
}

function checkNodeNames(errors: Errors, pod: Pod, old: Pod, options: PodValidationOptions): void {
  if ((pod.spec?.nodeName ?? '') !== (old.spec?.nodeName ?? '')) {
    errors.push(forbidden(STATUS.child('nodeName'), 'may not be changed directly'))
  }
  const nominated = pod.status?.nominatedNodeName
  if (!nominated || nominated === old.status?.nominatedNodeName) return
  const path = STATUS.child('nominatedNodeName')
  addInvalid(errors, path, nominated, nameIsDNSSubdomain(nominated, false))
  if (options.clearingNominatedNodeNameAfterBinding && old.spec?.nodeName) {
    errors.push(forbidden(path, 'may not be set on pods that are already bound to a node'))
  }
}

function checkStateTransitions(
  errors: Errors,
  status: PodStatus,
  before: PodStatus,
  spec: PodSpec,
  options: PodValidationOptions,
): void {
  const everythingMayRestart = options.allowRestartAllContainers && allContainersCouldRestart(spec)
  for (const list of STATUS_LISTS) {
    if (list !== 'ephemeralContainerStatuses' && everythingMayRestart) continue
    for (const [i, old] of (before[list] ?? []).entries()) {
      const exitCode = old.state?.terminated ? (old.state.terminated.exitCode ?? 0) : undefined
      if (exitCode === undefined) continue
      const now = status[list]?.find((s) => s.name === old.name && !s.state?.terminated)
      if (!now || mayRestart(spec, list, old.name, exitCode, options)) continue
      const detail = 'may not be transitioned to non-terminated state'
      errors.push(forbidden(STATUS.child(list).index(i).child('state'), detail))
    }
  }
}

/** With restart rules of containers switched off only the pod's policy counts, and init containers that go on. */
function mayRestart(
  spec: PodSpec,
  list: StatusList,
  name: string,
  exitCode: number,
  options: PodValidationOptions,
): boolean {
  if (list === 'ephemeralContainerStatuses') return false
  const containers = (list === 'containerStatuses' ? spec.containers : spec.initContainers) ?? []
  const container = containers.find((c) => c.name === name)
  if (options.allowContainerRestartPolicyRules) {
    const restartAllContainers = options.allowRestartAllContainers
    return container !== undefined && containerShouldRestart(container, spec, exitCode, { restartAllContainers })
  }
  if (spec.restartPolicy === 'Always' || (spec.restartPolicy === 'OnFailure' && exitCode !== 0)) return true
  return list === 'initContainerStatuses' && container?.restartPolicy === 'Always'
}

function checkClaimStatuses(errors: Errors, { resourceClaimStatuses = [] }: PodStatus, spec: PodSpec): void {
  const path = STATUS.child('resourceClaimStatuses')
  const names = new Set<string>()
  for (const [i, { name = '', resourceClaimName }] of resourceClaimStatuses.entries()) {
    const own = path.index(i)
    if (!spec.resourceClaims?.some((claim) => claim.name === name)) {
      errors.push(invalid(own.child('name'), name, 'must match the name of an entry in `spec.resourceClaims`'))
    }
    if (names.has(name)) errors.push(duplicate(own.child('name'), name))
    names.add(name)
    if (resourceClaimName === undefined) continue
    addInvalid(errors, own.child('resourceClaimName'), resourceClaimName, nameIsDNSSubdomain(resourceClaimName, false))
  }
}

function checkExtendedClaim(
  errors: Errors,
  status: PodExtendedResourceClaimStatus | undefined,
  spec: PodSpec,
  path: FieldPath,
): void {
  if (!status) return
  const requestMappings = status.requestMappings ?? []
  const { resourceClaimName } = status
  const mappings = path.child('requestMappings')
  if (requestMappings.length === 0) errors.push(required(mappings, 'at least one request mapping is required'))
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])]
  const seen = new Set<string>()
  for (const [i, mapping] of requestMappings.entries()) {
    const own = mappings.index(i)
    const { containerName = '', resourceName = '', requestName = '' } = mapping
    const container = containers.findLast((c) => c.name === containerName)
    if (!container) {
      const detail = 'must match the name of an entry in spec.initContainers.name or spec.containers.name'
      errors.push(invalid(own.child('containerName'), containerName, detail))
    } else if (container.resources?.requests?.[resourceName] === undefined) {
      const detail =
        'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests'
      errors.push(invalid(own.child('resourceName'), resourceName, detail))
    }
    checkDNS1123Label(errors, requestName, path.child('requestName'))
    const key = JSON.stringify([containerName, resourceName, requestName])
    if (seen.has(key)) {
      errors.push(duplicate(own.child('containerName'), containerName))
      errors.push(duplicate(own.child('resourceName'), resourceName))
      errors.push(duplicate(own.child('requestName'), requestName))
    }
    seen.add(key)
  }
  const claim = path.child('resourceClaimName')
  if (!resourceClaimName) errors.push(required(claim, ''))
  else addInvalid(errors, claim, resourceClaimName, nameIsDNSSubdomain(resourceClaimName, false))
}

function checkAllocatableClaims(errors: Errors, status: PodStatus, spec: PodSpec): void {
  const path = STATUS.child('nodeAllocatableResourceClaimStatuses')
  for (const [i, claim] of (status.nodeAllocatableResourceClaimStatuses ?? []).entries()) {
    const own = path.index(i)
    const { resourceClaimName = '', containers = [] } = claim
    const resources = claim.resources ?? {}
    if (resourceClaimName === '') errors.push(required(own.child('resourceClaimName'), 'must not be empty'))
    const references = [...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])]
    if (!references.some((r) => r.resourceClaimName === resourceClaimName)) {
      errors.push(invalid(own.child('resourceClaimName'), resourceClaimName, 'no mapping found in pod reference'))
    }
    if (containers.length === 0) errors.push(required(own.child('containers'), 'must not be empty'))
    const names = sortedKeys(resources)
    if (names.length === 0) errors.push(required(own.child('resources'), 'must not be empty'))
    for (const name of names) {
      const at = own.child('resources').key(name)
      const quantity = parseQuantity(resources[name]!)
      if (!isNativeResource(name)) {
        errors.push(invalid(at, namedString(name), 'must be a node allocatable resource name'))
      }
      if (quantity.sign() < 0) errors.push(invalid(at, quantity.toString(), 'must be non-negative'))
    }
  }
}

type Addresses = readonly { readonly ip?: string }[] | undefined

function checkAddresses(errors: Errors, status: PodStatus, before: PodStatus, options: PodValidationOptions): void {
  checkAddressList(errors, status.podIPs, before.podIPs, { path: STATUS.child('podIPs'), type: '[]PodIP', options })
  const first = status.hostIPs?.[0]
  if (!first) return
  const path = STATUS.child('hostIPs')
  if ((status.hostIP ?? '') !== first.ip) {
    errors.push(invalid(path.index(0).child('ip'), first.ip, 'must be equal to `hostIP`'))
  }
  checkAddressList(errors, status.hostIPs, before.hostIPs, { path, type: '[]HostIP', options })
}

function checkAddressList(
  errors: Errors,
  list: Addresses,
  before: Addresses,
  { path, type, options }: { readonly path: FieldPath; readonly type: string; readonly options: PodValidationOptions },
): void {
  const addresses = (list ?? []).map(({ ip = '' }) => ip)
  const validOld = (before ?? []).map(({ ip = '' }) => ip)
  for (const [i, address] of addresses.entries()) {
    errors.push(...isValidIPForLegacyField(path.index(i), address, { strict: options.strictIPValidation, validOld }))
  }
  if (addresses.length < 2) return
  const wrong = addresses.findIndex((address) => !isIPv4String(address) && !isIPv6String(address))
  if (wrong >= 0) {
    const detail = `failed to check for dual stack with error:invalid IP[${wrong}]: ${addresses[wrong]}`
    errors.push(internalFieldError(path, detail))
  }
  const dualStack = wrong < 0 && addresses.some(isIPv4String) && addresses.some(isIPv6String)
  if (!dualStack || addresses.length > 2) {
    errors.push(invalid(path, goPodValue(type, list), 'may specify no more than one IP for each IP family'))
  }
}

function checkUsers(
  errors: Errors,
  statuses: readonly ContainerStatus[] | undefined,
  path: FieldPath,
  os: string,
): void {
  for (const [i, { user }] of (statuses ?? []).entries()) {
    if (!user?.linux) continue
    const at = path.index(i).child('user', 'linux')
    if (os === 'windows') errors.push(forbidden(at, 'cannot be set for a windows pod'))
    if (os !== 'linux') continue
    const { uid = 0, gid = 0, supplementalGroups = [] } = user.linux
    addInvalid(errors, at.child('uid'), uid, isValidUserID(uid))
    addInvalid(errors, at.child('gid'), gid, isValidGroupID(gid))
    for (const [j, group] of supplementalGroups.entries()) {
      addInvalid(errors, at.child('supplementalGroups').index(j), group, isValidGroupID(group))
    }
  }
}

function checkNoAllocatedResources(
  errors: Errors,
  statuses: readonly ContainerStatus[] | undefined,
  path: FieldPath,
): void {
  for (const [i, { allocatedResourcesStatus }] of (statuses ?? []).entries()) {
    if (!allocatedResourcesStatus?.length) continue
    errors.push(forbidden(path.index(i).child('allocatedResourcesStatus'), 'must not be specified in container status'))
  }
}

function checkAllocatedResources(
  errors: Errors,
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[] | undefined,
  path: FieldPath,
): void {
  for (const [i, { name, allocatedResourcesStatus }] of (statuses ?? []).entries()) {
    const container = containers?.find((c) => c.name === name)
    for (const [j, allocated] of (allocatedResourcesStatus ?? []).entries()) {
      const own = path.index(i).child('allocatedResourcesStatus').index(j)
      if (container) checkAllocatedName(errors, allocated, container, own.child('name'))
      checkHealth(errors, allocated.resources ?? [], own.child('resources'))
    }
  }
}

function checkAllocatedName(
  errors: Errors,
  { name = '' }: ResourceStatus,
  container: Container,
  path: FieldPath,
): void {
  if (!name.startsWith('claim:')) {
    if (container.resources?.requests?.[name] !== undefined) return
    errors.push(invalid(path, namedString(name), "must match one of the container's resource requests"))
    return
  }
  const claims = container.resources?.claims ?? []
  if (claims.some((claim) => name === `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`)) return
  const detail =
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
  errors.push(invalid(path, namedString(name), detail))
}

function checkHealth(errors: Errors, resources: readonly ResourceHealth[], path: FieldPath): void {
  const ids = new Set<string>()
  for (const [i, { health = '', message, resourceID = '' }] of resources.entries()) {
    const own = path.index(i)
    if (!HEALTH_VALUES.includes(health)) {
      errors.push(notSupported(own.child('health'), namedString(health), HEALTH_VALUES))
    }
    if (message === '') errors.push(required(own.child('message'), 'must be non-empty if specified'))
    else if (message !== undefined && byteLength(message) > MAX_HEALTH_MESSAGE_LENGTH) {
      errors.push(tooLong(own.child('message'), MAX_HEALTH_MESSAGE_LENGTH))
    }
    if (ids.has(resourceID)) errors.push(duplicate(own.child('resourceID'), namedString(resourceID)))
    ids.add(resourceID)
  }
}

function checkVolumeStatuses(errors: Errors, statuses: readonly ContainerStatus[] | undefined, path: FieldPath): void {
  for (const [i, { volumeMounts }] of (statuses ?? []).entries()) {
    for (const [j, { volumeStatus }] of (volumeMounts ?? []).entries()) {
      checkVolumeStatus(errors, volumeStatus, path.index(i).child('volumeMounts').index(j).child('volumeStatus'))
    }
  }
}

function checkVolumeStatus(errors: Errors, status: VolumeStatus | undefined, path: FieldPath): void {
  if (!status?.image) return
  const { imageRef = '' } = status.image
  const at = path.child('imageVolumeStatus', 'imageRef')
  if (imageRef === '') errors.push(required(at, 'imageRef must not be empty'))
  if (byteLength(imageRef) > MAX_IMAGE_REFERENCE_LENGTH) errors.push(tooLong(at, MAX_IMAGE_REFERENCE_LENGTH))
}
