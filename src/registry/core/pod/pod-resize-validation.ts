import { type FieldError, forbidden, invalid } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../../apimachinery/types/core-v1.ts'
import { checkObjectMetaUpdate, type Errors, namedString } from './field-checks.ts'
import { MIRROR_POD_ANNOTATION } from './pod-annotation-validation.ts'
import { isRestartableInitContainer } from './pod-containers.ts'
import { computePodQOS, getPodQOS } from './pod-resources.ts'
import type { PodValidationOptions } from './pod-spec-validation.ts'
import { checkMetadataAndSpec } from './pod-validation.ts'
import { specEqual } from './spec-equal.ts'

const WHOLE = FieldPath.of('')
const SPEC = FieldPath.of('spec')
const ONLY_CPU_AND_MEMORY = 'only cpu and memory resources are mutable'

/**
 * A resize: amounts of cpu and memory of containers and of the pod may change, nothing else (KEP-1287).
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePodResize
 */
export function validatePodResize(pod: Pod, old: Pod, options: PodValidationOptions): FieldError[] {
  const before = old.spec ?? { containers: [] }
  const spec = pod.spec ?? { containers: [] }
  if (old.metadata?.annotations?.[MIRROR_POD_ANNOTATION] !== undefined) {
    return [forbidden(WHOLE, 'static pods cannot be resized')]
  }
  if (before.os?.name === 'windows') return [forbidden(WHOLE, 'windows pods cannot be resized')]
  const errors: FieldError[] = []
  checkObjectMetaUpdate(errors, pod.metadata ?? {}, old.metadata ?? {}, FieldPath.of('metadata'))
  checkMetadataAndSpec(errors, pod, options)
  checkResizable(errors, pod, old)
  const munged = { ...spec }
  if (hasAmounts(before.resources) || hasAmounts(spec.resources)) {
    if (!options.inPlacePodLevelResourcesVerticalScalingEnabled) {
      const detail =
        'resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled'
      errors.push(forbidden(WHOLE, detail))
      return errors
    }
    checkPodLevelResize(errors, munged, before)
  }
  if (old.status?.nodeAllocatableResourceClaimStatuses?.length) {
    errors.push(forbidden(SPEC, 'pods with node allocatable resource claims cannot be resized'))
  }
  if (!checkSameContainers(errors, spec, before)) return errors
  checkNothingRemoved(errors, spec, before, options)
  munged.containers = mungeContainers(errors, spec.containers ?? [], before.containers ?? [])
  munged.initContainers = mungeInitContainers(errors, spec, before, options)
  if (errors.length === 0 && !specEqual(munged, before)) errors.push(forbidden(SPEC, ONLY_CPU_AND_MEMORY))
  return errors
}

function checkResizable(errors: Errors, pod: Pod, old: Pod): void {
  if (getPodQOS(old) !== computePodQOS(pod.spec ?? { containers: [] })) {
    const detail = 'Pod QOS Class may not change as a result of resizing'
    errors.push(invalid(SPEC, namedString(pod.status?.qosClass), detail))
  }
  const running = old.status?.containerStatuses?.find((status) => status.state?.running)
  if (running && !running.resources) errors.push(forbidden(SPEC, 'Pod running on node without support for resize'))
}

function hasAmounts(resources: ResourceRequirements | undefined): boolean {
  return Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0
}

function checkPodLevelResize(errors: Errors, munged: PodSpec, before: PodSpec): void {
  const path = SPEC.child('resources')
  if (before.resources && !munged.resources) {
    errors.push(forbidden(path, 'pod-level resources cannot be removed'))
    return
  }
  for (const side of ['requests', 'limits'] as const) {
    if (before.resources && amountsRemoved(munged.resources?.[side], before.resources[side])) {
      errors.push(forbidden(path.child(side), `pod-level resource ${side} cannot be removed`))
    }
  }
  if (munged.resources) munged.resources = withCpuAndMemoryOf(munged.resources, before.resources, { keepClaims: true })
  const dropped = !before.resources && !hasAmounts(munged.resources) && !munged.resources?.claims?.length
  if (dropped) munged.resources = undefined
  if (!specEqual(munged.resources, before.resources)) {
    errors.push(forbidden(SPEC, `${ONLY_CPU_AND_MEMORY} at pod-level`))
  }
}

type Amounts = Readonly<Record<string, string>> | undefined

function amountsRemoved(amounts: Amounts, before: Amounts): boolean {
  return Object.keys(before ?? {}).some((name) => amounts?.[name] === undefined)
}

/** `resources` with cpu and memory as they were. Claims of containers are dropped, as upstream does. */
function withCpuAndMemoryOf(
  resources: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
  { keepClaims }: { readonly keepClaims: boolean },
): ResourceRequirements {
  const munge = (amounts: Amounts, old: Amounts): Record<string, string> | undefined => {
    if (!amounts && !old) return undefined
    const { cpu: _cpu, memory: _memory, ...others } = amounts ?? {}
    const rest: Record<string, string> = others
    if (old?.['cpu'] !== undefined) rest['cpu'] = old['cpu']
    if (old?.['memory'] !== undefined) rest['memory'] = old['memory']
    return rest
  }
  return {
    limits: munge(resources?.limits, before?.limits),
    requests: munge(resources?.requests, before?.requests),
    claims: keepClaims ? resources?.claims : undefined,
  }
}

/** Says whether both have the same containers in the same order. */
function checkSameContainers(errors: Errors, spec: PodSpec, before: PodSpec): boolean {
  let same = true
  for (const list of ['containers', 'initContainers'] as const) {
    const [now, old] = [spec[list] ?? [], before[list] ?? []]
    if (now.length !== old.length) {
      errors.push(forbidden(SPEC.child(list), `${list} may not be added or removed on resize`))
      same = false
      continue
    }
    for (const [i, container] of old.entries()) {
      if (now[i]!.name === container.name) continue
      errors.push(
        forbidden(SPEC.child(list).index(i).child('name'), `${list} may not be renamed or reordered on resize`),
      )
      same = false
    }
  }
  return same
}

function checkNothingRemoved(errors: Errors, spec: PodSpec, before: PodSpec, options: PodValidationOptions): void {
  for (const list of ['initContainers', 'containers'] as const) {
    for (const [i, old] of (before[list] ?? []).entries()) {
      const fixed = list === 'initContainers' && !options.inPlacePodVerticalScalingInitContainersEnabled
      if (fixed && !isRestartableInitContainer(old)) continue
      const path = SPEC.child(list).index(i).child('resources')
      const resources = spec[list]![i]!.resources
      if (amountsRemoved(resources?.requests, old.resources?.requests)) {
        errors.push(forbidden(path.child('requests'), 'resource requests cannot be removed'))
      }
      if (amountsRemoved(resources?.limits, old.resources?.limits)) {
        errors.push(forbidden(path.child('limits'), 'resource limits cannot be removed'))
      }
    }
  }
}

const munge = (container: Container, before: Container): Container => ({
  ...container,
  resources: withCpuAndMemoryOf(container.resources, before.resources, { keepClaims: false }),
})

function mungeContainers(errors: Errors, containers: readonly Container[], before: readonly Container[]): Container[] {
  return containers.map((container, i) => {
    const munged = munge(container, before[i]!)
    if (!specEqual(munged, before[i]!)) errors.push(forbidden(SPEC, ONLY_CPU_AND_MEMORY))
    return munged
  })
}

function mungeInitContainers(
  errors: Errors,
  spec: PodSpec,
  before: PodSpec,
  options: PodValidationOptions,
): Container[] | undefined {
  return spec.initContainers?.map((container, i) => {
    const old = before.initContainers![i]!
    const path = SPEC.child('initContainers').index(i)
    const sidecar = isRestartableInitContainer(container)
    const modified = !specEqual(container, old)
    if (!sidecar && !options.inPlacePodVerticalScalingInitContainersEnabled) {
      if (modified) errors.push(forbidden(SPEC, 'resources for non-sidecar init containers are immutable'))
      return container
    }
    const munged = munge(container, old)
    if (!specEqual(munged, old)) {
      const detail = 'only cpu and memory resources for init or sidecar containers are mutable'
      errors.push(forbidden(path, detail))
    }
    if (modified && !sidecar) checkNotRestarted(errors, container, path)
    return munged
  })
}

function checkNotRestarted(errors: Errors, container: Container, path: FieldPath): void {
  for (const { restartPolicy } of container.resizePolicy ?? []) {
    if (restartPolicy !== 'RestartContainer') continue
    const detail = 'non-sidecar init containers with a resize policy of RestartContainer cannot be resized'
    errors.push(forbidden(path, detail))
  }
}
