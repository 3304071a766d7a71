import { duplicate, forbidden, invalid, notFoundField, required, tooMany } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { givenEmpty, hasGivenEmpty } from '../../../apimachinery/schema/given-empty.ts'
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
} from '../../../apimachinery/types/core-v1.ts'
import { isValidPortName, isValidPortNum } from '../../../apimachinery/validation/names.ts'
import { checkEnv, checkEnvFrom } from './env-validation.ts'
import {
  addInvalid,
  checkDNS1123Label,
  checkOneOf,
  checkRequiredOneOf,
  type Errors,
  namedString,
} from './field-checks.ts'
import { checkVolumeDevices, checkVolumeMounts } from './mount-validation.ts'
import { type AnyContainer, isRestartableInitContainer } from './pod-containers.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import { checkLifecycle, checkProbes } from './probe-validation.ts'
import { checkContainerResources } from './resource-validation.ts'
import { checkSecurityContext } from './security-context-validation.ts'
import type { VolumesByName } from './volume-validation.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never']
const CONTAINER_RESTART_POLICIES = ['Always', 'Never', 'OnFailure']
const MAX_RESTART_RULES = 20
const MAX_EXIT_CODES = 255

/** What the checks of a container know of the pod. */
export interface ContainerContext {
  readonly spec: PodSpec
  readonly volumes: VolumesByName
  /** Names of the pod's resource claims. */
  readonly podClaims: ReadonlySet<string>
  readonly options: PodValidationOptions
}

/** Containers of a pod. */
export function checkContainers(errors: Errors, context: ContainerContext, path: FieldPath): void {
  const { spec, options } = context
  const containers = spec.containers ?? []
  if (containers.length === 0) return void errors.push(required(path, ''))
  const names = new Set<string>()
  for (const [i, container] of containers.entries()) {
    const own = path.index(i)
    checkContainerCommon(errors, container, context, own)
    const name = container.name ?? ''
    if (names.has(name)) errors.push(duplicate(own.child('name'), name))
    else names.add(name)
    checkLifecycle(errors, container.lifecycle, spec.terminationGracePeriodSeconds, own.child('lifecycle'), spec.os)
    checkProbes(errors, container, spec.terminationGracePeriodSeconds, own)
    if (options.allowContainerRestartPolicyRules) checkRestartPolicyAndRules(errors, container, own, options)
    else if (container.restartPolicy !== undefined) {
      errors.push(forbidden(own.child('restartPolicy'), 'may not be set for non-init containers'))
    }
  }
  checkHostPortConflicts(errors, containers, path)
}

/** Init containers, those that go on running included. */
export function checkInitContainers(errors: Errors, context: ContainerContext, path: FieldPath): void {
  const { spec } = context
  const names = new Set((spec.containers ?? []).map((c) => c.name ?? ''))
  for (const [i, container] of (spec.initContainers ?? []).entries()) {
    const own = path.index(i)
    checkContainerCommon(errors, container, context, own)
    checkInitRestartPolicy(errors, container, own, context.options)
    const name = container.name ?? ''
    if (names.has(name)) errors.push(duplicate(own.child('name'), name))
    else if (name !== '') names.add(name)
    // Upstream looks at each alone and counts from the list: the index in the path is always 0.
    checkHostPortConflicts(errors, [container], path)
    checkInitHandlers(errors, container, spec, own)
    if (
      isRestartableInitContainer(container) ||
      context.options.allowExistingRestartContainerForNonSidecarInitContainer
    ) {
      continue
    }
    for (const [j, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
      if (restartPolicy !== 'RestartContainer') continue
      const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
      errors.push(invalid(own.child('resizePolicy').index(j).child('restartPolicy'), restartPolicy, detail))
    }
  }
}

function checkInitHandlers(errors: Errors, container: Container, spec: PodSpec, path: FieldPath): void {
  if (isRestartableInitContainer(container)) {
    checkLifecycle(errors, container.lifecycle, spec.terminationGracePeriodSeconds, path.child('lifecycle'), spec.os)
    checkProbes(errors, container, spec.terminationGracePeriodSeconds, path)
    return
  }
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[field] === undefined) continue
    errors.push(forbidden(path.child(field), 'may not be set for init containers without restartPolicy=Always'))
  }
}

function checkInitRestartPolicy(
  errors: Errors,
  container: Container,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const { restartPolicy, restartPolicyRules = [] } = container
  if (restartPolicy === undefined) {
    if (restartPolicyRules.length > 0) {
      errors.push(required(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'))
    }
  } else if (!options.allowContainerRestartPolicyRules) {
    checkOneOf(errors, restartPolicy, path.child('restartPolicy'), ['Always'])
  } else if (restartPolicy !== 'Always' || options.allowRestartAllContainers) {
    checkRestartPolicyAndRules(errors, container, path, options)
  } else if (restartPolicyRules.length > 0) {
    const detail = 'restartPolicyRules are not allowed for init containers with restart policy Always'
    errors.push(forbidden(path.child('restartPolicyRules'), detail))
  }
}

function checkRestartPolicyAndRules(
  errors: Errors,
  { restartPolicy, restartPolicyRules = [] }: Container,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const at = path.child('restartPolicy')
  if (restartPolicy === undefined) {
    if (restartPolicyRules.length === 0) return
    errors.push(required(at, 'must specify restartPolicy when restart rules are used'))
  } else checkOneOf(errors, restartPolicy, at, CONTAINER_RESTART_POLICIES)
  const rules = path.child('restartPolicyRules')
  if (restartPolicyRules.length > MAX_RESTART_RULES) {
    errors.push(tooMany(rules, restartPolicyRules.length, MAX_RESTART_RULES))
  }
  for (const [i, rule] of restartPolicyRules.entries()) checkRestartRule(errors, rule, rules.index(i), options)
}

function checkRestartRule(
  errors: Errors,
  { action, exitCodes }: ContainerRestartRule,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const actions = options.allowRestartAllContainers ? ['Restart', 'RestartAllContainers'] : ['Restart']
  checkOneOf(errors, action, path.child('action'), actions)
  const at = path.child('exitCodes')
  if (!exitCodes) return void errors.push(required(at, 'must be specified'))
  checkOneOf(errors, exitCodes.operator, at.child('operator'), ['In', 'NotIn'])
  const count = exitCodes.values?.length ?? 0
  if (count > MAX_EXIT_CODES) errors.push(tooMany(at.child('values'), count, MAX_EXIT_CODES))
}

/** Fields that a container for debugging cannot have, in Go's order of declaration. */
const NOT_IN_EPHEMERAL = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const

/** Containers added to a running pod for debugging. */
export function checkEphemeralContainers(errors: Errors, context: ContainerContext, path: FieldPath): void {
  const { spec } = context
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name ?? ''))
  const names = new Set(others)
  for (const [i, container] of (spec.ephemeralContainers ?? []).entries()) {
    const own = path.index(i)
    checkContainerCommon(errors, container, context, own)
    checkImageWhitespace(errors, container, own)
    const name = container.name ?? ''
    if (names.has(name)) errors.push(duplicate(own.child('name'), name))
    else names.add(name)
    const target = container.targetContainerName
    if (target && !others.has(target)) errors.push(notFoundField(own.child('targetContainerName'), target))
    checkEphemeralFields(errors, container, own)
  }
}

function checkEphemeralFields(errors: Errors, container: EphemeralContainer, path: FieldPath): void {
  const detail = 'cannot be set for an Ephemeral Container'
  for (const field of NOT_IN_EPHEMERAL) {
    if (isSet(container, field)) errors.push(forbidden(path.child(field), detail))
  }
  for (const [i, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
    const own = path.child('volumeMounts').index(i)
    if (subPath) errors.push(forbidden(own.child('subPath'), detail))
    if (subPathExpr) errors.push(forbidden(own.child('subPathExpr'), detail))
  }
}

/** Whether the field is not Go's zero value: empty lists and pointers to empty structs count. */
function isSet(container: EphemeralContainer, field: (typeof NOT_IN_EPHEMERAL)[number]): boolean {
  if (field !== 'resources') return (container[field] ?? givenEmpty(container, field)) !== undefined
  const { resources = {} } = container
  return Object.keys(resources).length > 0 || hasGivenEmpty(resources)
}

/** The pod, not a template: an image's name has no blanks around it. */
export function checkImageWhitespace(errors: Errors, { image = '' }: AnyContainer, path: FieldPath): void {
  if (image.trim() !== image) {
    errors.push(invalid(path.child('image'), image, 'must not have leading or trailing whitespace'))
  }
}

function checkContainerCommon(
  errors: Errors,
  container: AnyContainer,
  context: ContainerContext,
  path: FieldPath,
): void {
  const { spec, volumes, podClaims, options } = context
  if (container.name) checkDNS1123Label(errors, container.name, path.child('name'))
  else errors.push(required(path.child('name'), ''))
  if (!container.image) errors.push(required(path.child('image'), ''))
  const messagePolicies = ['File', 'FallbackToLogsOnError']
  checkRequiredOneOf(
    errors,
    container.terminationMessagePolicy,
    path.child('terminationMessagePolicy'),
    messagePolicies,
  )
  if (container.ports) checkPorts(errors, container.ports, path.child('ports'))
  checkEnv(errors, container.env, path.child('env'), options)
  checkEnvFrom(errors, container.envFrom, path.child('envFrom'))
  if (container.volumeMounts) checkVolumeMounts(errors, container, volumes, path.child('volumeMounts'))
  if (container.volumeDevices) checkVolumeDevices(errors, container, volumes, path.child('volumeDevices'))
  checkRequiredOneOf(errors, container.imagePullPolicy, path.child('imagePullPolicy'), PULL_POLICIES)
  checkContainerResources(errors, container.resources, podClaims, path.child('resources'), options)
  checkResizePolicies(errors, container.resizePolicy, path.child('resizePolicy'), spec.restartPolicy)
  if (container.securityContext) {
    const hostUsers = spec.hostUsers ?? true
    checkSecurityContext(errors, container.securityContext, path.child('securityContext'), { hostUsers, options })
  }
}

function checkPorts(errors: Errors, ports: readonly ContainerPort[], path: FieldPath): void {
  const names = new Set<string>()
  for (const [i, port] of ports.entries()) {
    const own = path.index(i)
    const { name, containerPort = 0, hostPort = 0 } = port
    if (name) {
      const messages = isValidPortName(name)
      addInvalid(errors, own.child('name'), name, messages)
      if (names.has(name)) errors.push(duplicate(own.child('name'), name))
      else if (messages.length === 0) names.add(name)
    }
    if (containerPort === 0) errors.push(required(own.child('containerPort'), ''))
    else addInvalid(errors, own.child('containerPort'), containerPort, isValidPortNum(containerPort))
    if (hostPort !== 0) addInvalid(errors, own.child('hostPort'), hostPort, isValidPortNum(hostPort))
    checkRequiredOneOf(errors, port.protocol, own.child('protocol'), PROTOCOLS)
  }
}

function checkHostPortConflicts(errors: Errors, containers: readonly Container[], path: FieldPath): void {
  const taken = new Set<string>()
  for (const [i, container] of containers.entries()) {
    for (const [j, { protocol = '', hostIP = '', hostPort = 0 }] of (container.ports ?? []).entries()) {
      if (hostPort === 0) continue
      const key = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(key)) errors.push(duplicate(path.index(i).child('ports').index(j).child('hostPort'), key))
      else taken.add(key)
    }
  }
}

function checkResizePolicies(
  errors: Errors,
  policies: readonly ContainerResizePolicy[] | undefined,
  path: FieldPath,
  podRestartPolicy: string | undefined,
): void {
  const seen = new Set<string>()
  for (const [i, { resourceName = '', restartPolicy = '' }] of (policies ?? []).entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(path.index(i), namedString(resourceName)))
    seen.add(resourceName)
    checkRequiredOneOf(errors, resourceName, path, ['cpu', 'memory'])
    checkRequiredOneOf(errors, restartPolicy, path, ['NotRequired', 'RestartContainer'])
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      const detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
      errors.push(invalid(path, namedString(restartPolicy), detail))
    }
  }
}
