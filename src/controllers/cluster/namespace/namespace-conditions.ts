import type { NamespaceCondition } from '../../../apimachinery/types/core-v1.ts'
import type { ResourceRef } from '../../runtime/client.ts'
import { withCondition } from '../conditions.ts'

/** What one attempt at emptying a namespace found. */
export interface DeletionOutcome {
  /** Message of a failed discovery. */
  readonly discoveryError?: string
  readonly contentErrors: readonly string[]
  /** Left out while the pods go first: then nothing is known of the rest. */
  readonly totals?: RemainingContent
}

interface RemainingContent {
  readonly resources: readonly { readonly resource: ResourceRef; readonly count: number }[]
  /** Finalizer → objects that wait for it. */
  readonly finalizers: ReadonlyMap<string, number>
}

/** Type, reason and message of each condition while there is nothing to complain of. */
const SATISFIED: readonly (readonly [type: string, reason: string, message: string])[] = [
  ['NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  [
    'NamespaceDeletionContentFailure',
    'ContentDeleted',
    'All content successfully deleted, may be waiting on finalization',
  ],
  ['NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed'],
  ['NamespaceFinalizersRemaining', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
]

/**
 * Conditions of a terminating namespace after an attempt; the list itself where nothing changes.
 *
 * @see pkg/controller/namespace/deletion/status_condition_utils.go
 */
export function namespaceConditions(
  conditions: readonly NamespaceCondition[] | undefined,
  outcome: DeletionOutcome,
  now: string,
): readonly NamespaceCondition[] {
  const complaints = new Map(complaintsOf(outcome))
  let next = conditions ?? []
  for (const [type, reason, message] of SATISFIED) {
    const complaint = complaints.get(type)
    const condition = complaint ? { status: 'True', ...complaint } : { status: 'False', reason, message }
    next = withCondition(next, { type, lastTransitionTime: now, ...condition })
  }
  return next
}

function* complaintsOf({
  discoveryError,
  contentErrors,
  totals,
}: DeletionOutcome): Iterable<[type: string, { readonly reason: string; readonly message: string }]> {
  if (discoveryError !== undefined) {
    yield ['NamespaceDeletionDiscoveryFailure', { reason: 'DiscoveryFailed', message: discoveryError }]
  }
  if (contentErrors.length > 0) {
    const message = `Failed to delete all resource types, ${contentErrors.length} remaining: ${[...contentErrors].sort().join(', ')}`
    yield ['NamespaceDeletionContentFailure', { reason: 'ContentDeletionFailed', message }]
  }
  if (totals && totals.resources.length > 0) {
    const remaining = totals.resources.map(
      ({ resource, count }) => `${resource.resource}.${resource.group} has ${count} resource instances`,
    )
    const message = `Some resources are remaining: ${remaining.sort().join(', ')}`
    yield ['NamespaceContentRemaining', { reason: 'SomeResourcesRemain', message }]
  }
  if (totals && totals.finalizers.size > 0) {
    const remaining = [...totals.finalizers].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`)
    const message = `Some content in the namespace has finalizers remaining: ${remaining.sort().join(', ')}`
    yield ['NamespaceFinalizersRemaining', { reason: 'SomeFinalizersRemain', message }]
  }
}

/** How Go prints a GroupVersionResource in an error. */
export function printedResource({ group, version, resource }: ResourceRef): string {
  return `${group}/${version}, Resource=${resource}`
}
