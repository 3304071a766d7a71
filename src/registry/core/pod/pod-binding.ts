import { ApiError, conflict } from '../../../apimachinery/api-error.ts'
import type { Clock } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { Binding, Pod } from '../../../apimachinery/types/core-v1.ts'
import { featureEnabled, type PodConfig } from './feature-gates.ts'
import { updatePodCondition } from './pod-conditions.ts'

const BINDINGS = { group: '', resource: 'pods/binding' }

/** Why a pod cannot be bound, undefined where it can. */
function bindingProblem({ metadata, spec }: Pod): string | undefined {
  const name = metadata?.name ?? ''
  if (metadata?.deletionTimestamp) return `pod ${name} is being deleted, cannot be assigned to a host`
  if (spec?.nodeName) return `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`
  return spec?.schedulingGates?.length ? `pod ${name} has non-empty .spec.schedulingGates` : undefined
}

/**
 * What binding a pod to a node makes of it; `pod` itself stays. uid and resourceVersion of the binding's metadata are
 * preconditions, which the caller checks.
 *
 * @throws {ApiError} 409 where the pod is bound, gated or going.
 * @see kubernetes pkg/registry/core/pod/storage/storage.go setPodNodeAndMetadata
 */
export function bindPod(
  pod: Pod,
  binding: Binding,
  { clock, config }: { readonly clock: Pick<Clock, 'now'>; readonly config: PodConfig },
): Pod {
  const problem = bindingProblem(pod)
  if (problem !== undefined) throw conflict(BINDINGS, pod.metadata?.name ?? '', problem)
  const bound = cloneJson(pod)
  bound.spec ??= { containers: [] }
  bound.spec.nodeName = binding.target.name
  bound.status ??= {}
  if (featureEnabled(config, 'ClearingNominatedNodeNameAfterBinding')) delete bound.status.nominatedNodeName
  const { annotations = {}, labels = {} } = binding.metadata ?? {}
  bound.metadata ??= {}
  if (Object.keys(annotations).length > 0)
    bound.metadata.annotations = { ...bound.metadata.annotations, ...annotations }
  if (featureEnabled(config, 'PodTopologyLabelsAdmission') && Object.keys(labels).length > 0) {
    bound.metadata.labels = { ...bound.metadata.labels, ...labels }
  }
  updatePodCondition(bound.status, { type: 'PodScheduled', status: 'True' }, clock)
  return bound
}

/** Errors of a binding that is not valid: upstream answers 500 with the plain text of the errors. */
export function invalidBinding(message: string): ApiError {
  return new ApiError({ code: 500, reason: '', message })
}
