import { type FieldError, forbidden, invalid } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { isJsonObject } from '../../../apimachinery/kube-object.ts'
import type { Pod, PodSpec, SeccompProfile, Toleration } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { checkLocalDescendingPath, type Errors, sortedKeys } from './field-checks.ts'
import { allContainers, visitContainersWithPath } from './pod-containers.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'
import { validateTolerations } from './scheduling-validation.ts'

/** Marks a pod that mirrors a static pod of its node. */
export const MIRROR_POD_ANNOTATION = 'kubernetes.io/config.mirror'
/** Seccomp profile of the pod before it had a field; the container's name follows the second. */
export const SECCOMP_POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'
export const SECCOMP_CONTAINER_ANNOTATION_PREFIX = 'container.seccomp.security.alpha.kubernetes.io/'
/** AppArmor profile of a container before it had a field; its name follows. */
export const APP_ARMOR_ANNOTATION_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'
const TOLERATIONS_ANNOTATION = 'scheduler.alpha.kubernetes.io/tolerations'
const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost'

const RUNTIME_DEFAULT = 'runtime/default'
const DOCKER_DEFAULT = 'docker/default'
const UNCONFINED = 'unconfined'
const LOCALHOST_PREFIX = 'localhost/'

type Annotations = Readonly<Record<string, string>> | undefined

const INT32_MAX = 2 ** 31 - 1
const INT32_MIN = -(2 ** 31)

/** Whether the pod's deletion cost, if it has one, is a 32 bit integer without a plus sign or leading zeros. */
export function podDeletionCostIsValid(annotations: Annotations): boolean {
  const value = annotations?.[DELETION_COST_ANNOTATION]
  if (value === undefined) return true
  if (!/^(?:0|[1-9][0-9]*|-[0-9]+)$/.test(value)) return false
  const cost = Number(value)
  return cost >= INT32_MIN && cost <= INT32_MAX
}

/**
 * Annotations that Kubernetes gives a meaning to.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodSpecificAnnotations
 */
export function checkPodSpecificAnnotations(
  errors: Errors,
  annotations: Annotations,
  spec: PodSpec,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  if (!annotations) return
  const mirror = annotations[MIRROR_POD_ANNOTATION]
  if (mirror !== undefined && !spec.nodeName) {
    const detail = 'must set spec.nodeName if mirror pod annotation is set'
    errors.push(invalid(path.key(MIRROR_POD_ANNOTATION), mirror, detail))
  }
  if (annotations[TOLERATIONS_ANNOTATION]) {
    checkTolerationsAnnotation(errors, annotations[TOLERATIONS_ANNOTATION], path, options)
  }
  if (!options.allowInvalidPodDeletionCost && !podDeletionCostIsValid(annotations)) {
    const value = annotations[DELETION_COST_ANNOTATION]
    errors.push(invalid(path.key(DELETION_COST_ANNOTATION), value, 'must be a 32bit integer'))
  }
  checkSeccompAnnotations(errors, annotations, path)
  checkAppArmorAnnotations(errors, annotations, spec, path)
}

/** {@link checkPodSpecificAnnotations}, its errors alone. */
export function validatePodSpecificAnnotations(
  annotations: Annotations,
  spec: PodSpec,
  path: FieldPath,
  options: PodValidationOptions,
): FieldError[] {
  const errors: FieldError[] = []
  checkPodSpecificAnnotations(errors, annotations, spec, path, options)
  return errors
}

function checkTolerationsAnnotation(
  errors: Errors,
  text: string,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const tolerations = parseTolerations(text)
  if (typeof tolerations === 'string') errors.push(invalid(path, TOLERATIONS_ANNOTATION, tolerations))
  else errors.push(...validateTolerations(tolerations, path.child(TOLERATIONS_ANNOTATION), options))
}

/** The tolerations in the text, or what Go's json.Unmarshal would say is wrong with it. */
function parseTolerations(text: string): Toleration[] | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return goJsonSyntaxError(text)
  }
  if (value === null) return []
  if (!Array.isArray(value))
    return `json: cannot unmarshal ${goJsonType(value)} into Go value of type []core.Toleration`
  const wrong = value.find((item) => item !== null && !isJsonObject(item))
  if (wrong !== undefined) return `json: cannot unmarshal ${goJsonType(wrong)} into Go value of type core.Toleration`
  const tolerations = value.map((item: unknown) => readToleration((item ?? {}) as Record<string, unknown>))
  return tolerations.find((t) => typeof t === 'string') ?? (tolerations as Toleration[])
}

/** Members of the internal type, which has no JSON names: Go matches them in any case. */
const TOLERATION_MEMBERS: readonly (readonly [goName: string, name: keyof Toleration, goType: string])[] = [
  ['Key', 'key', 'string'],
  ['Operator', 'operator', 'core.TolerationOperator'],
  ['Value', 'value', 'string'],
  ['Effect', 'effect', 'core.TaintEffect'],
  ['TolerationSeconds', 'tolerationSeconds', 'int64'],
]

function readToleration(object: Record<string, unknown>): Toleration | string {
  const toleration: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object)) {
    const member = TOLERATION_MEMBERS.find(([goName]) => goName.toLowerCase() === key.toLowerCase())
    if (!member || value === null) continue
    const [goName, name, goType] = member
    const fits = goType === 'int64' ? Number.isInteger(value) : typeof value === 'string'
    if (!fits) {
      const printed = typeof value === 'number' && goType === 'int64' ? `number ${value}` : goJsonType(value)
      return `json: cannot unmarshal ${printed} into Go struct field Toleration.${goName} of type ${goType}`
    }
    toleration[name] = value
  }
  return toleration as Toleration
}

function goJsonType(value: unknown): string {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'object') return Array.isArray(value) ? 'array' : 'object'
  return typeof value
}

/** Go's words for the commonest mistake, a text that does not begin as JSON, and for one that ends too soon. */
function goJsonSyntaxError(text: string): string {
  const start = text.trimStart()[0]
  if (start === undefined || '[{"tfn-0123456789'.includes(start)) return 'unexpected end of JSON input'
  return `invalid character ${goRune(start)} looking for beginning of value`
}

function goRune(char: string): string {
  return char === "'" ? "'\\''" : `'${goQuote(char).slice(1, -1)}'`
}

/** Annotations that an update may neither add nor change nor take away. */
export function checkPodSpecificAnnotationUpdates(
  errors: Errors,
  pod: Pod,
  old: Pod,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const annotations = pod.metadata?.annotations ?? {}
  const before = old.metadata?.annotations ?? {}
  for (const key of sortedKeys(before)) {
    if (annotations[key] === before[key]) continue
    checkFixedAnnotation(errors, key, path, 'remove or update')
  }
  for (const key of sortedKeys(annotations)) {
    if (before[key] === undefined) checkFixedAnnotation(errors, key, path, 'add')
  }
  checkPodSpecificAnnotations(errors, annotations, pod.spec ?? { containers: [] }, path, options)
}

function checkFixedAnnotation(errors: Errors, key: string, path: FieldPath, what: string): void {
  if (key.startsWith(APP_ARMOR_ANNOTATION_PREFIX)) {
    errors.push(forbidden(path.key(key), `may not ${what} AppArmor annotations`))
  }
  if (key === MIRROR_POD_ANNOTATION) errors.push(forbidden(path.key(key), `may not ${what} mirror pod annotation`))
}

function checkSeccompAnnotations(errors: Errors, annotations: NonNullable<Annotations>, path: FieldPath): void {
  const ofPod = annotations[SECCOMP_POD_ANNOTATION]
  if (ofPod !== undefined) checkSeccompProfileName(errors, ofPod, path.child(SECCOMP_POD_ANNOTATION))
  for (const key in annotations) {
    if (key.startsWith(SECCOMP_CONTAINER_ANNOTATION_PREFIX)) {
      checkSeccompProfileName(errors, annotations[key]!, path.child(key))
    }
  }
}

function checkSeccompProfileName(errors: Errors, name: string, path: FieldPath): void {
  if (name === RUNTIME_DEFAULT || name === DOCKER_DEFAULT || name === UNCONFINED) return
  if (name.startsWith(LOCALHOST_PREFIX)) checkLocalDescendingPath(errors, name.slice(LOCALHOST_PREFIX.length), path)
  else errors.push(invalid(path, name, 'must be a valid seccomp profile'))
}

function checkAppArmorAnnotations(
  errors: Errors,
  annotations: NonNullable<Annotations>,
  spec: PodSpec,
  path: FieldPath,
): void {
  for (const key in annotations) {
    if (!key.startsWith(APP_ARMOR_ANNOTATION_PREFIX)) continue
    const container = key.slice(APP_ARMOR_ANNOTATION_PREFIX.length)
    if (!hasContainer(spec, container)) errors.push(invalid(path.key(key), container, 'container not found'))
    const profile = annotations[key]!
    if (profile === '' || profile === RUNTIME_DEFAULT || profile === UNCONFINED) continue
    if (profile.startsWith(LOCALHOST_PREFIX)) continue
    errors.push(invalid(path.key(key), profile, `invalid AppArmor profile name: ${goQuote(profile)}`))
  }
}

function hasContainer(spec: PodSpec, name: string): boolean {
  for (const container of allContainers(spec)) if ((container.name ?? '') === name) return true
  return false
}

/** Old annotations and the fields that replaced them say the same. Checked on creation and in templates. */
export function checkProfileAnnotationsMatchFields(
  errors: Errors,
  meta: ObjectMeta | undefined,
  spec: PodSpec,
  path: FieldPath,
): void {
  const annotations = meta?.annotations
  if (!annotations) return
  const ofPod = spec.securityContext?.seccompProfile
  checkSeccompMatch(errors, annotations[SECCOMP_POD_ANNOTATION], ofPod, path.child('securityContext', 'seccompProfile'))
  visitContainersWithPath(spec, path, (container, own) => {
    const annotation = annotations[SECCOMP_CONTAINER_ANNOTATION_PREFIX + (container.name ?? '')]
    const profile = container.securityContext?.seccompProfile
    checkSeccompMatch(errors, annotation, profile, own.child('securityContext', 'seccompProfile'))
  })
  if (spec.os?.name === 'windows') return
  visitContainersWithPath(spec, path, (container, own) => {
    const annotation = annotations[APP_ARMOR_ANNOTATION_PREFIX + (container.name ?? '')]
    const profile = container.securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile
    const fits = { kind: 'apparmor', runtimeDefaults: [RUNTIME_DEFAULT] }
    checkProfileMatch(errors, annotation, profile, own.child('securityContext', 'appArmorProfile'), fits)
  })
}

function checkSeccompMatch(
  errors: Errors,
  annotation: string | undefined,
  profile: SeccompProfile | undefined,
  path: FieldPath,
): void {
  checkProfileMatch(errors, annotation, profile, path, {
    kind: 'seccomp',
    runtimeDefaults: [RUNTIME_DEFAULT, DOCKER_DEFAULT],
  })
}

function checkProfileMatch(
  errors: Errors,
  annotation: string | undefined,
  profile: SeccompProfile | undefined,
  path: FieldPath,
  { kind, runtimeDefaults }: { readonly kind: string; readonly runtimeDefaults: readonly string[] },
): void {
  if (annotation === undefined || !profile) return
  const typeFits =
    (profile.type === 'Unconfined' && annotation === UNCONFINED) ||
    (profile.type === 'RuntimeDefault' && runtimeDefaults.includes(annotation)) ||
    (profile.type === 'Localhost' && annotation.startsWith(LOCALHOST_PREFIX)) ||
    !['Unconfined', 'RuntimeDefault', 'Localhost'].includes(profile.type)
  if (!typeFits) {
    errors.push(forbidden(path.child('type'), `${kind} type in annotation and field must match`))
  } else if (profile.type === 'Localhost' && annotation.slice(LOCALHOST_PREFIX.length) !== profile.localhostProfile) {
    errors.push(forbidden(path.child('localhostProfile'), `${kind} profile in annotation and field must match`))
  }
}
