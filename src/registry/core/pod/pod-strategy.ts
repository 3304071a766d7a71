import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { Pod, PodAffinity, PodAffinityTerm, PodSpec } from '../../../apimachinery/types/core-v1.ts'
import type { LabelSelector, ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { warningsForIP } from '../../../apimachinery/validation/ip.ts'
import { isDNS1123Label } from '../../../apimachinery/validation/names.ts'
import type { Strategy, StrategyContext, UpdateStrategy } from '../../resource.ts'
import { resetObjectMetaForStatus } from '../../status-metadata.ts'
import { applyAppArmorVersionSkew } from './app-armor-annotations.ts'
import { featureEnabled } from './feature-gates.ts'
import { updatePodCondition } from './pod-conditions.ts'
import { mirrorServiceAccount } from './pod-defaults.ts'
import { dropDisabledPodFields } from './pod-disabled-fields.ts'
import { validatePodResize } from './pod-resize-validation.ts'
import { computePodQOS } from './pod-resources.ts'
import { type PodValidationOptions, podValidationOptionsFromPodSpecAndMeta } from './pod-spec-validation.ts'
import { validatePodStatusUpdate } from './pod-status-validation.ts'
import { validatePodCreate, validatePodEphemeralContainersUpdate, validatePodUpdate } from './pod-validation.ts'
import { warningsForPod } from './pod-warnings.ts'
import { podSpecEqual } from './spec-equal.ts'

const STATUS = FieldPath.of('status')

const specOf = (pod: Pod): PodSpec => pod.spec ?? { containers: [] }
const metaOf = (pod: Pod): ObjectMeta => (pod.metadata ??= {})

function optionsFor(old: Pod | undefined, { config }: StrategyContext): PodValidationOptions {
  return { ...podValidationOptionsFromPodSpecAndMeta(old, config), resourceIsPod: true }
}

/** The generation counts changes of the spec. */
function updatePodGeneration(pod: Pod, old: Pod): void {
  if (podSpecEqual(specOf(pod), specOf(old))) return
  const meta = metaOf(pod)
  meta.generation = (meta.generation ?? 0) + 1
}

function canonicalize(pod: Pod): void {
  if (pod.spec) mirrorServiceAccount(pod.spec)
}

/**
 * Pods themselves.
 *
 * @see kubernetes pkg/registry/core/pod/strategy.go
 */
export const podStrategy: Strategy<Pod> = {
  prepareForCreate(pod, context) {
    metaOf(pod).generation = 1
    pod.spec ??= { containers: [] }
    pod.status = { phase: 'Pending', qosClass: computePodQOS(pod.spec) }
    dropDisabledPodFields(pod, undefined, context.config)
    applySchedulingGatedCondition(pod, context)
    mutatePodAffinity(pod)
    mutateTopologySpreadConstraints(pod, context)
    for (const warning of applyAppArmorVersionSkew(pod)) context.warn(warning)
  },

  validate: (pod, context) => validatePodCreate(pod, optionsFor(undefined, context)),

  warningsOnCreate(pod, context) {
    const warnings: string[] = []
    const messages = isDNS1123Label(pod.metadata?.name ?? '')
    if (messages.length > 0) {
      warnings.push(
        `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${messages.join(' ')}]`,
      )
    }
    warnings.push(...warningsForPod(pod, undefined, context.config))
    return warnings
  },

  prepareForUpdate(pod, old, context) {
    pod.status = old.status
    dropDisabledPodFields(pod, old, context.config)
    updatePodGeneration(pod, old)
  },

  validateUpdate: (pod, old, context) => validatePodUpdate(pod, old, optionsFor(old, context)),

  canonicalize,

  gracePeriodSeconds({ spec, status }, requested) {
    if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0
    const period = requested ?? spec.terminationGracePeriodSeconds ?? 0
    return period < 0 ? 1 : period
  },
}

function applySchedulingGatedCondition(pod: Pod, { clock }: StrategyContext): void {
  if (!pod.spec?.schedulingGates?.length) return
  const message = 'Scheduling is blocked due to non-empty scheduling gates'
  updatePodCondition(pod.status!, { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }, clock)
}

/** Turns keys into requirements for the values that the pod itself has (KEP-3633, KEP-3243). */
function mergeLabelKeys(
  selector: LabelSelector,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Readonly<Record<string, string>>,
): void {
  for (const key of keys ?? []) {
    const value = labels[key]
    if (value === undefined) continue
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }]
  }
}

function mutatePodAffinity(pod: Pod): void {
  const labels = pod.metadata?.labels ?? {}
  const mutate = (term: PodAffinityTerm | undefined): void => {
    if (!term?.labelSelector) return
    mergeLabelKeys(term.labelSelector, term.matchLabelKeys, 'In', labels)
    mergeLabelKeys(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels)
  }
  const mutateAll = (affinity: PodAffinity | undefined): void => {
    for (const term of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) mutate(term.podAffinityTerm)
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) mutate(term)
  }
  mutateAll(pod.spec?.affinity?.podAffinity)
  mutateAll(pod.spec?.affinity?.podAntiAffinity)
}

function mutateTopologySpreadConstraints(pod: Pod, { config }: StrategyContext): void {
  if (!featureEnabled(config, 'MatchLabelKeysInPodTopologySpread')) return
  if (!featureEnabled(config, 'MatchLabelKeysInPodTopologySpreadSelectorMerge')) return
  for (const { labelSelector, matchLabelKeys } of pod.spec?.topologySpreadConstraints ?? []) {
    if (labelSelector) mergeLabelKeys(labelSelector, matchLabelKeys, 'In', pod.metadata?.labels ?? {})
  }
}

/** `pods/status`: what kubelets write. */
export const podStatusStrategy: UpdateStrategy<Pod> = {
  prepareForUpdate(pod, old, context) {
    pod.spec = old.spec
    const meta = metaOf(pod)
    delete meta.deletionTimestamp
    if (old.metadata?.ownerReferences) meta.ownerReferences = old.metadata.ownerReferences
    else delete meta.ownerReferences
    pod.status ??= {}
    if (!pod.status.qosClass && old.status?.qosClass) pod.status.qosClass = old.status.qosClass
    preserveOldObservedGeneration(pod, old)
    dropDisabledPodFields(pod, old, context.config)
  },

  validateUpdate: (pod, old, context) => validatePodStatusUpdate(pod, old, optionsFor(old, context)),

  warningsOnUpdate({ status }) {
    const warnings: string[] = []
    for (const field of ['podIPs', 'hostIPs'] as const) {
      for (const [i, { ip = '' }] of (status?.[field] ?? []).entries()) {
        warnings.push(...warningsForIP(STATUS.child(field).index(i).child('ip'), ip))
      }
    }
    return warnings
  },

  canonicalize,
}

/** Clients that do not know the fields do not take them away (KEP-5067). */
function preserveOldObservedGeneration(pod: Pod, old: Pod): void {
  const status = pod.status!
  if (!status.observedGeneration && old.status?.observedGeneration) {
    status.observedGeneration = old.status.observedGeneration
  }
  const generations = new Map<string, number[]>()
  for (const { type, observedGeneration = 0 } of old.status?.conditions ?? []) {
    generations.set(type, [...(generations.get(type) ?? []), observedGeneration])
  }
  for (const condition of status.conditions ?? []) {
    const before = generations.get(condition.type)?.shift() ?? 0
    if (!condition.observedGeneration && before !== 0) condition.observedGeneration = before
  }
}

/** `pods/ephemeralcontainers`: adds containers for debugging. */
export const podEphemeralContainersStrategy: UpdateStrategy<Pod> = {
  prepareForUpdate(pod, old, context) {
    const ephemeralContainers = pod.spec?.ephemeralContainers
    pod.spec = { ...specOf(old) }
    if (ephemeralContainers) pod.spec.ephemeralContainers = ephemeralContainers
    else delete pod.spec.ephemeralContainers
    pod.status = old.status
    resetObjectMetaForStatus(metaOf(pod), old.metadata ?? {})
    dropDisabledPodFields(pod, old, context.config)
    updatePodGeneration(pod, old)
  },
  validateUpdate: (pod, old, context) => validatePodEphemeralContainersUpdate(pod, old, optionsFor(old, context)),
  canonicalize,
}

type Containers = PodSpec['containers']

/** Containers of the old pod with the resources of the new; the new ones where they are not the same. */
function onlyResourcesOf(containers: Containers | undefined, old: Containers | undefined): Containers | undefined {
  if (!containers?.length || !old || containers.some((c, i) => c.name !== old[i]?.name)) return containers
  return old.map((container, i) => {
    const { resources, resizePolicy } = containers[i]!
    const merged = { ...container, resources, resizePolicy }
    if (resources === undefined) delete merged.resources
    if (resizePolicy === undefined) delete merged.resizePolicy
    return merged
  })
}

/** `pods/resize`: changes amounts of a running pod (KEP-1287). */
export const podResizeStrategy: UpdateStrategy<Pod> = {
  prepareForUpdate(pod, old, context) {
    dropNonResizeUpdates(pod, old, context)
    dropDisabledPodFields(pod, old, context.config)
    updatePodGeneration(pod, old)
  },
  validateUpdate: (pod, old, context) => validatePodResize(pod, old, optionsFor(old, context)),
  canonicalize,
}

/** Leaves a pod with other containers as it is: validation refuses it. */
function dropNonResizeUpdates(pod: Pod, old: Pod, { config }: StrategyContext): void {
  const spec = specOf(pod)
  const before = specOf(old)
  const count = (list: Containers | undefined): number => list?.length ?? 0
  if (count(spec.containers) !== count(before.containers)) return
  if (count(spec.initContainers) !== count(before.initContainers)) return
  const merged: PodSpec = { ...before, containers: onlyResourcesOf(spec.containers, before.containers) ?? [] }
  const initContainers = onlyResourcesOf(spec.initContainers, before.initContainers)
  if (initContainers) merged.initContainers = initContainers
  if (featureEnabled(config, 'InPlacePodLevelResourcesVerticalScaling')) {
    if (spec.resources) merged.resources = spec.resources
    else delete merged.resources
  }
  pod.spec = merged
  pod.status = old.status
  resetObjectMetaForStatus(metaOf(pod), old.metadata ?? {})
}
