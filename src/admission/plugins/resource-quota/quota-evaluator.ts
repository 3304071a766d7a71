import type { GroupResource } from '../../../apimachinery/group-version.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ScopedResourceSelectorRequirement } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import { type Amounts, ONE } from './amounts.ts'

/**
 * How much of what a quota limits one kind of object takes.
 *
 * @see apiserver pkg/quota/v1/interfaces.go Evaluator
 */
export interface QuotaEvaluator extends GroupResource {
  /** Whether the request can change any usage. */
  handles(attributes: AdmissionAttributes): boolean
  /** Those of `names` (limits of a quota) that objects of this kind use up. */
  matchingResources(names: Iterable<string>): string[]
  /** Unset: no scope reaches objects of this kind. */
  matchesScope?(selector: ScopedResourceSelectorRequirement, object: KubeObject): boolean
  /** What the object must say where these resources are limited; a message where it does not. */
  unmetConstraints?(required: readonly string[], object: KubeObject): string | undefined
  usage(object: KubeObject): Amounts | Promise<Amounts>
}

/** `count/deployments.apps`: the limit on how many objects of a resource there are. */
function countNameOf({ group, resource }: GroupResource): string {
  return group === '' ? `count/${resource}` : `count/${resource}.${group}`
}

/**
 * Counts objects of a resource that takes nothing else.
 *
 * @see apiserver pkg/quota/v1/generic/evaluator.go NewObjectCountEvaluator
 */
export function objectCountEvaluator({ group, resource }: GroupResource, alias?: string): QuotaEvaluator {
  const names = alias === undefined ? [countNameOf({ group, resource })] : [countNameOf({ group, resource }), alias]
  const usage: Amounts = new Map(names.map((name) => [name, ONE]))
  return {
    group,
    resource,
    handles: ({ subresource, operation }) => subresource === '' && operation === 'CREATE',
    matchingResources: (given) => [...given].filter((name) => usage.has(name)),
    usage: () => usage,
  }
}
