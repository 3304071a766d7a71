import {
  LabelSelectorError,
  labelSelectorAsSelector,
  NOTHING,
  type Selector,
} from '../../apimachinery/label-selector.ts'
import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../../apimachinery/types/core-v1.ts'
import type { LabelSelector } from '../../apimachinery/types/meta-v1.ts'

export type Labels = Readonly<Record<string, string>>

/** A term of pod (anti-)affinity, compiled once per pod. */
export interface AffinityTerm {
  readonly namespaces: ReadonlySet<string>
  readonly namespaceSelector: Selector
  readonly selector: Selector
  readonly topologyKey: string
}

export interface WeightedAffinityTerm extends AffinityTerm {
  readonly weight: number
}

/** A selector of the API; one that does not parse selects nothing (the API server lets some old ones through). */
export function selectorOf(selector: LabelSelector | undefined): Selector {
  try {
    return labelSelectorAsSelector(selector)
  } catch (error) {
    if (error instanceof LabelSelectorError) return NOTHING
    throw error
  }
}

/** @see kubernetes pkg/scheduler/framework/types.go newAffinityTerm */
export function affinityTerm(pod: Pod, term: PodAffinityTerm): AffinityTerm {
  const own = !term.namespaces?.length && !term.namespaceSelector
  return {
    namespaces: new Set(own ? [pod.metadata.namespace ?? ''] : (term.namespaces ?? [])),
    namespaceSelector: selectorOf(term.namespaceSelector),
    selector: selectorOf(term.labelSelector),
    topologyKey: term.topologyKey,
  }
}

export function weightedAffinityTerm(pod: Pod, term: WeightedPodAffinityTerm): WeightedAffinityTerm {
  return { ...affinityTerm(pod, term.podAffinityTerm), weight: term.weight }
}

/** Whether a term is about a pod; `namespaceLabels` are those of the pod's namespace. */
export function termMatches(term: AffinityTerm, pod: Pod, namespaceLabels: Labels | undefined): boolean {
  if (!term.namespaces.has(pod.metadata.namespace ?? '') && !term.namespaceSelector.matches(namespaceLabels))
    return false
  return term.selector.matches(pod.metadata.labels)
}
