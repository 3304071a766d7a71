import { equalJson } from '../../../apimachinery/clone.ts'
import { type FieldError, forbidden, invalid, required } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type {
  Container,
  EphemeralContainer,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '../../../apimachinery/types/core-v1.ts'
import { inclusiveRangeError } from '../../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../../apimachinery/validation/object-meta.ts'
import { checkImageWhitespace } from './container-validation.ts'
import { checkObjectMeta, checkObjectMetaUpdate, type Errors } from './field-checks.ts'
import { goPodValue, internalPodSpec, prettyGoPodValue } from './go-pod-types.ts'
import {
  checkPodSpecificAnnotations,
  checkPodSpecificAnnotationUpdates,
  checkProfileAnnotationsMatchFields,
  MIRROR_POD_ANNOTATION,
} from './pod-annotation-validation.ts'
import { type PodValidationOptions, validatePodSpec, validateTolerations } from './pod-spec-validation.ts'
import { podSpecEqual, specEqual } from './spec-equal.ts'
import { unifiedDiff } from './unified-diff.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
/** How upstream prints the path of errors about the object as a whole. */
const WHOLE = FieldPath.of('')
const MAX_INT32 = 2 ** 31 - 1

/**
 * Specs of stored pods in which nothing was found wrong: what a pod was let in with, its updates are let in with too
 * (options are never stricter than those of the write before).
 */
const validSpecs = new WeakSet<PodSpec>()

const specOf = (pod: Pod): PodSpec => pod.spec ?? { containers: [] }

/**
 * A new pod.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodCreate
 */
export function validatePodCreate(pod: Pod, options: PodValidationOptions): FieldError[] {
  const errors: FieldError[] = []
  const spec = specOf(pod)
  checkMetadataAndSpec(errors, pod, options)
  if (spec.ephemeralContainers?.length) {
    errors.push(forbidden(SPEC.child('ephemeralContainers'), 'cannot be set on create'))
  }
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbidden(SPEC.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'))
  }
  checkProfileAnnotationsMatchFields(errors, pod.metadata, spec, SPEC)
  if (errors.length === 0) validSpecs.add(spec)
  return errors
}

/** What holds for a pod after every write. */
export function checkMetadataAndSpec(errors: Errors, pod: Pod, options: PodValidationOptions): void {
  checkMetadata(errors, pod, options)
  checkSpec(errors, pod, options)
}

function checkMetadata(errors: Errors, pod: Pod, options: PodValidationOptions): void {
  const meta = pod.metadata ?? {}
  checkObjectMeta(errors, meta, nameIsDNSSubdomain, METADATA)
  checkPodSpecificAnnotations(errors, meta.annotations, specOf(pod), METADATA.child('annotations'), options)
}

function checkSpec(errors: Errors, pod: Pod, options: PodValidationOptions): void {
  const meta = pod.metadata ?? {}
  const spec = specOf(pod)
  errors.push(...validatePodSpec(spec, meta, SPEC, options))
  if (!spec.serviceAccountName) checkNoTokens(errors, spec)
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      checkImageWhitespace(errors, container, SPEC.child(list).index(i))
    }
  }
}

function checkNoTokens(errors: Errors, spec: PodSpec): void {
  for (const [i, { projected }] of (spec.volumes ?? []).entries()) {
    for (const [j, source] of (projected?.sources ?? []).entries()) {
      if (!source.serviceAccountToken) continue
      const at = SPEC.child('volumes').index(i).child('projected', 'sources').index(j).child('serviceAccountToken')
      errors.push(forbidden(at, 'must not be specified when serviceAccountName is not set'))
    }
  }
}

/**
 * An updated pod: little of a spec may change.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodUpdate
 */
export function validatePodUpdate(pod: Pod, old: Pod, options: PodValidationOptions): FieldError[] {
  const errors: FieldError[] = []
  const spec = specOf(pod)
  const before = specOf(old)
  checkObjectMetaUpdate(errors, pod.metadata ?? {}, old.metadata ?? {}, METADATA)
  checkMetadata(errors, pod, options)
  const isKnown = validSpecs.has(before) && isMirror(pod) === isMirror(old) && equalJson(spec, before)
  if (!isKnown) checkSpec(errors, pod, options)
  checkPodSpecificAnnotationUpdates(errors, pod, old, METADATA.child('annotations'), options)
  if (!isKnown) checkSpecUpdate(errors, spec, before, options)
  if (errors.length === 0) validSpecs.add(spec)
  return errors
}

const isMirror = ({ metadata }: Pod): boolean => metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined

function checkSpecUpdate(errors: Errors, spec: PodSpec, before: PodSpec, options: PodValidationOptions): void {
  for (const list of ['containers', 'initContainers'] as const) {
    if (!checkContainerUpdates(errors, spec[list] ?? [], before[list] ?? [], SPEC.child(list))) return
  }
  if (!checkDeadlineUpdate(errors, spec, before)) return
  checkOnlyAddedTolerations(errors, spec.tolerations ?? [], before.tolerations ?? [], options)
  checkOnlyDeletedGates(errors, spec.schedulingGates ?? [], before.schedulingGates ?? [])
  if (!podSpecEqual(spec, before)) checkUnchangedRest(errors, spec, before)
}

/** Says whether it makes sense to look further. */
function checkContainerUpdates(
  errors: Errors,
  containers: readonly Container[],
  before: readonly Container[],
  path: FieldPath,
): boolean {
  if (containers.length !== before.length) {
    errors.push(forbidden(path, 'pod updates may not add or remove containers'))
    return false
  }
  for (const [i, container] of containers.entries()) {
    if (!container.image) errors.push(required(path.index(i).child('image'), ''))
    checkImageWhitespace(errors, container, path.index(i))
  }
  return true
}

function checkDeadlineUpdate(errors: Errors, spec: PodSpec, before: PodSpec): boolean {
  const path = SPEC.child('activeDeadlineSeconds')
  const deadline = spec.activeDeadlineSeconds
  const old = before.activeDeadlineSeconds
  if (deadline === undefined) {
    if (old !== undefined) errors.push(invalid(path, undefined, 'must not update from a positive integer to nil value'))
    return true
  }
  if (deadline < 0 || deadline > MAX_INT32) {
    errors.push(invalid(path, deadline, inclusiveRangeError(0, MAX_INT32)))
    return false
  }
  if (old !== undefined && old < deadline) {
    errors.push(invalid(path, deadline, 'must be less than or equal to previous value'))
    return false
  }
  return true
}

function checkOnlyAddedTolerations(
  errors: Errors,
  tolerations: readonly Toleration[],
  before: readonly Toleration[],
  options: PodValidationOptions,
): void {
  const path = SPEC.child('tolerations')
  const sameButSeconds = (a: Toleration, b: Toleration): boolean =>
    specEqual({ ...a, tolerationSeconds: undefined }, { ...b, tolerationSeconds: undefined })
  if (before.every((old) => tolerations.some((t) => sameButSeconds(t, old)))) {
    errors.push(...validateTolerations(tolerations, path, options))
  } else errors.push(forbidden(path, 'existing toleration can not be modified except its tolerationSeconds'))
}

function checkOnlyDeletedGates(
  errors: Errors,
  gates: readonly PodSchedulingGate[],
  before: readonly PodSchedulingGate[],
): void {
  for (const [i, { name = '' }] of gates.entries()) {
    if (before.some((old) => (old.name ?? '') === name) || gates.findLastIndex((g) => g.name === name) !== i) continue
    const detail = `only deletion is allowed, but found new scheduling gate '${name}'`
    errors.push(forbidden(SPEC.child('schedulingGates').index(i).child('name'), detail))
  }
}

const UPDATABLE_FIELDS = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',')

/** Undoes what may change; what is different then may not be. */
function checkUnchangedRest(errors: Errors, spec: PodSpec, before: PodSpec): void {
  const munged: PodSpec = {
    ...spec,
    containers: withImagesOf(spec.containers, before.containers) ?? [],
    initContainers: withImagesOf(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    schedulingGates: before.schedulingGates,
    tolerations: before.tolerations,
  }
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && munged.terminationGracePeriodSeconds === 1) {
    munged.terminationGracePeriodSeconds = before.terminationGracePeriodSeconds
  }
  if (before.schedulingGates?.length) mungeGated(errors, munged, before)
  if (podSpecEqual(munged, before)) return
  const diff = unifiedDiff(
    prettyGoPodValue('PodSpec', internalPodSpec(before)),
    prettyGoPodValue('PodSpec', internalPodSpec(munged)),
  )
  errors.push(forbidden(SPEC, `pod updates may not change fields other than ${UPDATABLE_FIELDS}\n${diff}`))
}

function withImagesOf(
  containers: readonly Container[] | undefined,
  before: readonly Container[] | undefined,
): Container[] | undefined {
  return containers?.map((container, i) => ({ ...container, image: before?.[i]?.image }))
}

/** A pod that is not to be scheduled yet may become pickier about nodes (KEP-3838). */
function mungeGated(errors: Errors, munged: PodSpec, before: PodSpec): void {
  if (!specEqual(munged.nodeSelector, before.nodeSelector, 'nodeSelector')) {
    const kept = Object.entries(before.nodeSelector ?? {}).every(([k, v]) => munged.nodeSelector?.[k] === v)
    if (!kept) {
      const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
      errors.push(invalid(SPEC.child('nodeSelector'), munged.nodeSelector, detail))
    }
    munged.nodeSelector = before.nodeSelector
  }
  const affinity = munged.affinity
  const old = before.affinity?.nodeAffinity
  if (specEqual(affinity?.nodeAffinity, old)) return
  checkNodeAffinityMutation(errors, affinity?.nodeAffinity, old)
  if (!affinity) munged.affinity = { nodeAffinity: old }
  else if (!before.affinity && !affinity.podAffinity && !affinity.podAntiAffinity) munged.affinity = undefined
  else munged.affinity = { ...affinity, nodeAffinity: old }
}

function checkNodeAffinityMutation(
  errors: Errors,
  affinity: NodeAffinity | undefined,
  old: NodeAffinity | undefined,
): void {
  const before = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  if (before.length === 0) return
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  const path = SPEC.child(
    'affinity',
    'nodeAffinity',
    'requiredDuringSchedulingIgnoredDuringExecution',
    'nodeSelectorTerms',
  )
  if (terms?.length !== before.length) {
    const detail = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'
    errors.push(invalid(path, goPodValue('[]NodeSelectorTerm', terms), detail))
    return
  }
  for (const [i, term] of before.entries()) {
    if (hasOnlyAdditions(terms[i]!, term)) continue
    const detail = 'only additions are allowed (no mutations or deletions)'
    errors.push(invalid(path.index(i), goPodValue('NodeSelectorTerm', terms[i]), detail))
  }
}

function hasOnlyAdditions(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const { matchExpressions = [], matchFields = [] } = term
  const [expressions, fields] = [old.matchExpressions ?? [], old.matchFields ?? []]
  // A term without requirements matches no node: adding to it would widen it.
  if (expressions.length + fields.length === 0) return matchExpressions.length + matchFields.length === 0
  return (
    specEqual(matchExpressions.slice(0, expressions.length), expressions) &&
    specEqual(matchFields.slice(0, fields.length), fields)
  )
}

/**
 * Ephemeral containers may be added, never changed.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodEphemeralContainersUpdate
 */
export function validatePodEphemeralContainersUpdate(pod: Pod, old: Pod, options: PodValidationOptions): FieldError[] {
  if (old.metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined) {
    return [forbidden(WHOLE, 'static pods do not support ephemeral containers')]
  }
  const errors: FieldError[] = []
  checkObjectMetaUpdate(errors, pod.metadata ?? {}, old.metadata ?? {}, METADATA)
  checkMetadataAndSpec(errors, pod, options)
  checkPodSpecificAnnotationUpdates(errors, pod, old, METADATA.child('annotations'), options)
  const path = SPEC.child('ephemeralContainers')
  const byName = new Map<string, EphemeralContainer>()
  for (const container of specOf(pod).ephemeralContainers ?? []) byName.set(container.name, container)
  for (const before of specOf(old).ephemeralContainers ?? []) {
    const name = JSON.stringify(before.name)
    const now = byName.get(before.name)
    if (!now) errors.push(forbidden(path, `existing ephemeral containers ${name} may not be removed\n`))
    else if (!specEqual(before, now)) {
      const diff = unifiedDiff(
        prettyGoPodValue('EphemeralContainer', before),
        prettyGoPodValue('EphemeralContainer', now),
      )
      errors.push(forbidden(path, `existing ephemeral containers ${name} may not be changed\n${diff}`))
    }
  }
  return errors
}
