import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFoundField,
  notSupported,
  required,
  tooLong,
} from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type {
  HostAlias,
  PodDNSConfig,
  PodResourceClaim,
  PodSchedulingGroup,
  PodSpec,
  PodTemplateSpec,
} from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { isValidIPForLegacyField } from '../../../apimachinery/validation/ip.ts'
import {
  byteLength,
  inclusiveRangeError,
  isDNS1123SubdomainWithUnderscore,
} from '../../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateAnnotations,
  validateLabels,
  validateServiceAccountName,
} from '../../../apimachinery/validation/object-meta.ts'
import {
  type ContainerContext,
  checkContainers,
  checkEphemeralContainers,
  checkInitContainers,
} from './container-validation.ts'
import {
  addInvalid,
  checkDNS1123Label,
  checkDNS1123Subdomain,
  checkOneOf,
  checkQualifiedName,
  checkRequiredOneOf,
  type Errors,
} from './field-checks.ts'
import { goPodValue } from './go-pod-types.ts'
import {
  checkPodSpecificAnnotations,
  checkProfileAnnotationsMatchFields,
  MIRROR_POD_ANNOTATION,
} from './pod-annotation-validation.ts'
import { visitContainersWithPath } from './pod-containers.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import { checkContainerResources, checkPodResources } from './resource-validation.ts'
import {
  checkAffinity,
  checkSchedulingGates,
  checkTopologySpreadConstraints,
  validateTolerations,
} from './scheduling-validation.ts'
import { checkPodSecurityContext } from './security-context-validation.ts'
import { checkVolumes } from './volume-validation.ts'
import { checkLinuxPod, checkWindowsHostProcessPod, checkWindowsPod } from './windows-validation.ts'

export { validatePodSpecificAnnotations } from './pod-annotation-validation.ts'
export {
  type PodValidationOptions,
  podValidationOptionsFromPodSpecAndMeta,
  podValidationOptionsFromPodTemplate,
} from './pod-validation-options.ts'
export { validateContainerResourceRequirements } from './resource-validation.ts'
export { validateTolerations } from './scheduling-validation.ts'

const MAX_INT32 = 2 ** 31 - 1
const MAX_DNS_NAMESERVERS = 3
const MAX_DNS_SEARCH_PATHS = 32
const MAX_DNS_SEARCH_LIST_CHARS = 2048
const MAX_HOSTNAME_LENGTH = 64
const NO_CLAIMS: ReadonlySet<string> = new Set()

/**
 * A pod spec, of a pod (`meta` is its metadata) or of a template (undefined).
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodSpec
 */
export function validatePodSpec(
  spec: PodSpec,
  meta: ObjectMeta | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): FieldError[] {
  const errors: FieldError[] = []
  if (spec.terminationGracePeriodSeconds === undefined) {
    errors.push(required(path.child('terminationGracePeriodSeconds'), ''))
  }
  const volumes = checkVolumes(errors, spec.volumes, meta, path.child('volumes'), options)
  const podClaims = spec.resourceClaims ? new Set(spec.resourceClaims.map((c) => c.name).filter(Boolean)) : NO_CLAIMS
  checkResourceClaims(errors, spec.resourceClaims, meta, path.child('resourceClaims'))
  const context: ContainerContext = { spec, volumes, podClaims, options }
  checkContainers(errors, context, path.child('containers'))
  if (spec.initContainers) checkInitContainers(errors, context, path.child('initContainers'))
  if (spec.ephemeralContainers) checkEphemeralContainers(errors, context, path.child('ephemeralContainers'))
  if (options.podLevelResourcesEnabled && spec.resources) {
    checkPodResources(errors, spec, podClaims, path.child('resources'), options)
  }
  checkPolicies(errors, spec, path, options)
  checkScheduling(errors, spec, path, options)
  checkHostUsers(errors, spec, path, options)
  checkNames(errors, spec, path, options)
  checkSystem(errors, spec, path, options)
  return errors
}

function checkPolicies(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  checkHostNetworkPorts(errors, spec, path.child('containers'), options)
  checkRequiredOneOf(errors, spec.restartPolicy, path.child('restartPolicy'), ['Always', 'OnFailure', 'Never'])
  const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']
  checkRequiredOneOf(errors, spec.dnsPolicy, path.child('dnsPolicy'), dnsPolicies)
  if (spec.nodeSelector) errors.push(...validateLabels(spec.nodeSelector, path.child('nodeSelector')))
  checkPodSecurityContext(errors, spec, path.child('securityContext'), options)
}

function checkScheduling(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  checkAffinity(errors, spec.affinity, path.child('affinity'), options)
  checkDnsConfig(errors, spec.dnsConfig, spec.dnsPolicy, path.child('dnsConfig'), options)
  for (const [i, { conditionType = '' }] of (spec.readinessGates ?? []).entries()) {
    checkQualifiedName(errors, conditionType, path.child('readinessGates').index(i).child('conditionType'))
  }
  if (spec.schedulingGates) checkSchedulingGates(errors, spec.schedulingGates, path.child('schedulingGates'))
  if (spec.topologySpreadConstraints) {
    const at = path.child('topologySpreadConstraints')
    checkTopologySpreadConstraints(errors, spec.topologySpreadConstraints, at, options)
  }
  checkWindowsHostProcessPod(errors, spec, path, options)
}

function checkNames(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  checkHostnameOverride(errors, spec, path.child('hostnameOverride'))
  const { serviceAccountName, nodeName, activeDeadlineSeconds: deadline } = spec
  if (serviceAccountName) {
    const messages = validateServiceAccountName(serviceAccountName, false)
    addInvalid(errors, path.child('serviceAccountName'), serviceAccountName, messages)
  }
  if (nodeName) addInvalid(errors, path.child('nodeName'), nodeName, nameIsDNSSubdomain(nodeName, false))
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    errors.push(invalid(path.child('activeDeadlineSeconds'), deadline, inclusiveRangeError(1, MAX_INT32)))
  }
  if (spec.hostname) checkDNS1123Label(errors, spec.hostname, path.child('hostname'))
  if (spec.subdomain) checkDNS1123Label(errors, spec.subdomain, path.child('subdomain'))
  if (spec.tolerations) errors.push(...validateTolerations(spec.tolerations, path.child('tolerations'), options))
  if (spec.hostAliases) checkHostAliases(errors, spec.hostAliases, path.child('hostAliases'), options)
  for (const field of ['priorityClassName', 'runtimeClassName'] as const) {
    const name = spec[field]
    if (name === undefined || (name === '' && field === 'priorityClassName')) continue
    addInvalid(errors, path.child(field), name, nameIsDNSSubdomain(name, false))
  }
}

function checkSystem(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  if (spec.preemptionPolicy !== undefined) {
    const at = path.child('preemptionPolicy')
    checkRequiredOneOf(errors, spec.preemptionPolicy, at, ['PreemptLowerPriority', 'Never'])
  }
  if (spec.overhead) {
    checkContainerResources(errors, { limits: spec.overhead }, NO_CLAIMS, path.child('overhead'), options)
  }
  if (spec.os) checkOs(errors, spec, path)
  if (spec.schedulingGroup) checkSchedulingGroup(errors, spec.schedulingGroup, path.child('schedulingGroup'))
  checkFileKeyRefVolumes(errors, spec, path)
}

function checkOs(errors: Errors, spec: PodSpec, path: FieldPath): void {
  const name = spec.os?.name
  if (!name) errors.push(required(path.child('os', 'name'), ''))
  else if (name === 'linux') checkLinuxPod(errors, spec, path)
  else if (name === 'windows') checkWindowsPod(errors, spec, path)
  else checkOneOf(errors, name, path.child('os'), ['linux', 'windows'])
}

function checkSchedulingGroup(errors: Errors, { podGroupName }: PodSchedulingGroup, path: FieldPath): void {
  const at = path.child('podGroupName')
  if (podGroupName !== undefined) addInvalid(errors, at, podGroupName, nameIsDNSSubdomain(podGroupName, false))
  else errors.push(invalid(at, undefined, 'must specify one of: `podGroupName`'))
}

function checkResourceClaims(
  errors: Errors,
  claims: readonly PodResourceClaim[] | undefined,
  meta: ObjectMeta | undefined,
  path: FieldPath,
): void {
  const names = new Set<string>()
  for (const [i, claim] of (claims ?? []).entries()) {
    if (meta?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined) {
      errors.push(forbidden(FieldPath.of(''), 'static pods do not support resource claims'))
      continue
    }
    const own = path.index(i)
    const { name = '', resourceClaimName, resourceClaimTemplateName } = claim
    if (name === '') errors.push(required(own.child('name'), ''))
    else if (names.has(name)) errors.push(duplicate(own.child('name'), name))
    else checkDNS1123Label(errors, name, own.child('name'))
    names.add(name)
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'
      errors.push(invalid(own, goPodValue('PodResourceClaim', claim), detail))
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const detail = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'
      errors.push(invalid(own, goPodValue('PodResourceClaim', claim), detail))
    }
    for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
      const value = claim[field]
      if (value !== undefined) addInvalid(errors, own.child(field), value, nameIsDNSSubdomain(value, false))
    }
  }
}

function checkHostNetworkPorts(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  if (!spec.hostNetwork) return
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [j, { hostPort = 0, containerPort = 0 }] of (container.ports ?? []).entries()) {
      if ((!options.resourceIsPod && hostPort === 0) || hostPort === containerPort) continue
      const at = path.index(i).child('ports').index(j).child('hostPort')
      errors.push(invalid(at, hostPort, 'must match `containerPort` when `hostNetwork` is true'))
    }
  }
}

function checkDnsConfig(
  errors: Errors,
  config: PodDNSConfig | undefined,
  policy: string | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  if (policy === 'None') {
    if (!config) return void errors.push(required(path, 'must provide `dnsConfig` when `dnsPolicy` is None'))
    if (!config.nameservers?.length) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None'
      return void errors.push(required(path.child('nameservers'), detail))
    }
  }
  if (!config) return
  const { nameservers = [], searches = [] } = config
  if (nameservers.length > MAX_DNS_NAMESERVERS) {
    const detail = `must not have more than ${MAX_DNS_NAMESERVERS} nameservers`
    errors.push(invalid(path.child('nameservers'), nameservers, detail))
  }
  for (const [i, address] of nameservers.entries()) {
    checkLegacyIp(errors, address, path.child('nameservers').index(i), options)
  }
  checkDnsSearches(errors, searches, path.child('searches'))
  for (const [i, option] of (config.options ?? []).entries()) {
    if (!option.name) errors.push(required(path.child('options').index(i), 'must not be empty'))
  }
}

function checkDnsSearches(errors: Errors, searches: readonly string[], path: FieldPath): void {
  if (searches.length > MAX_DNS_SEARCH_PATHS) {
    errors.push(invalid(path, searches, `must not have more than ${MAX_DNS_SEARCH_PATHS} search paths`))
  }
  if (byteLength(searches.join(' ')) > MAX_DNS_SEARCH_LIST_CHARS) {
    const detail = `must not have more than ${MAX_DNS_SEARCH_LIST_CHARS} characters (including spaces) in the search list`
    errors.push(invalid(path, searches, detail))
  }
  for (const [i, search] of searches.entries()) {
    if (search === '.') continue
    const domain = search.endsWith('.') ? search.slice(0, -1) : search
    addInvalid(errors, path.index(i), domain, isDNS1123SubdomainWithUnderscore(domain))
  }
}

function checkLegacyIp(errors: Errors, address: string, path: FieldPath, options: PodValidationOptions): void {
  errors.push(...isValidIPForLegacyField(path, address, { strict: options.strictIPValidation }))
}

function checkHostAliases(
  errors: Errors,
  aliases: readonly HostAlias[],
  path: FieldPath,
  options: PodValidationOptions,
): void {
  for (const [i, { ip = '', hostnames = [] }] of aliases.entries()) {
    checkLegacyIp(errors, ip, path.index(i).child('ip'), options)
    for (const [j, name] of hostnames.entries()) {
      checkDNS1123Subdomain(errors, name, path.index(i).child('hostnames').index(j))
    }
  }
}

function checkHostUsers(errors: Errors, spec: PodSpec, path: FieldPath, options: PodValidationOptions): void {
  if (spec.hostUsers !== false) return
  const detail = 'when `hostUsers` is false'
  if (spec.hostNetwork && !options.allowUserNamespacesHostNetworkSupport) {
    errors.push(forbidden(path.child('hostNetwork'), detail))
  }
  if (spec.hostPID) errors.push(forbidden(path.child('HostPID'), detail))
  if (spec.hostIPC) errors.push(forbidden(path.child('HostIPC'), detail))
  if (options.allowUserNamespacesWithVolumeDevices) return
  visitContainersWithPath(spec, path, (container, own) => {
    if (container.volumeDevices?.length) errors.push(forbidden(own.child('volumeDevices'), detail))
  })
}

function checkHostnameOverride(errors: Errors, spec: PodSpec, path: FieldPath): void {
  const name = spec.hostnameOverride
  if (name === undefined) return
  if (spec.setHostnameAsFQDN) errors.push(forbidden(path, 'may not be specified when setHostnameAsFQDN is true'))
  if (spec.hostNetwork) errors.push(forbidden(path, 'may not be specified when hostNetwork is true'))
  if (byteLength(name) > MAX_HOSTNAME_LENGTH) errors.push(tooLong(path, MAX_HOSTNAME_LENGTH))
  checkDNS1123Subdomain(errors, name, path)
}

/** Files that variables are read from lie in emptyDir volumes. */
function checkFileKeyRefVolumes(errors: Errors, spec: PodSpec, path: FieldPath): void {
  visitContainersWithPath(spec, path, (container, own) => {
    for (const [i, { valueFrom }] of (container.env ?? []).entries()) {
      const name = valueFrom?.fileKeyRef?.volumeName
      if (!valueFrom?.fileKeyRef) continue
      const at = own.child('env').index(i).child('valueFrom', 'fileKeyRef', 'volumeName')
      const volume = spec.volumes?.findLast((v) => (v.name ?? '') === (name ?? ''))
      if (!volume) errors.push(notFoundField(at, name ?? ''))
      else if (!volume.emptyDir) errors.push(invalid(at, name ?? '', 'referenced volume must be of type emptyDir'))
    }
  })
}

/**
 * A pod template, as workloads and podtemplates have it.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodTemplateSpec
 */
export function validatePodTemplateSpec(
  template: PodTemplateSpec | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): FieldError[] {
  const spec = template?.spec ?? { containers: [] }
  const meta = template?.metadata
  const errors: FieldError[] = []
  errors.push(...validateLabels(meta?.labels, path.child('labels')))
  errors.push(...validateAnnotations(meta?.annotations, path.child('annotations')))
  checkPodSpecificAnnotations(errors, meta?.annotations, spec, path.child('annotations'), options)
  errors.push(...validatePodSpec(spec, undefined, path.child('spec'), options))
  checkProfileAnnotationsMatchFields(errors, meta, spec, path.child('spec'))
  if (spec.ephemeralContainers?.length) {
    const detail = 'ephemeral containers not allowed in pod template'
    errors.push(forbidden(path.child('spec', 'ephemeralContainers'), detail))
  }
  return errors
}

/**
 * A template of a controller that keeps pods alive: its labels match the selector, its pods restart always.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodTemplateSpecForRC
 */
export function validatePodTemplateSpecForRC(
  template: PodTemplateSpec | undefined,
  selector: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): FieldError[] {
  if (!template) return [required(path, '')]
  const errors: FieldError[] = []
  const labels = template.metadata?.labels
  if (Object.entries(selector ?? {}).some(([key, value]) => labels?.[key] !== value)) {
    errors.push(invalid(path.child('metadata', 'labels'), labels, '`selector` does not match template `labels`'))
  }
  errors.push(...validatePodTemplateSpec(template, path, options))
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? { containers: [] }
  if (restartPolicy !== 'Always') {
    errors.push(notSupported(path.child('spec', 'restartPolicy'), restartPolicy ?? '', ['Always']))
  }
  if (activeDeadlineSeconds !== undefined) {
    const detail = 'activeDeadlineSeconds in ReplicationController is not Supported'
    errors.push(forbidden(path.child('spec', 'activeDeadlineSeconds'), detail))
  }
  return errors
}
