/** What all kinds of conditions have in common. */
interface ConditionLike {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export function conditionOf<C extends { readonly type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((c) => c.type === type)
}

/**
 * The conditions with one more, or with one replaced: the time of the last transition stays where the status does.
 * Returns the list itself where nothing changes.
 */
export function withCondition<C extends ConditionLike>(conditions: readonly C[] | undefined, next: C): readonly C[] {
  const old = conditionOf(conditions, next.type)
  if (!old) return [...(conditions ?? []), next]
  if (old.status === next.status && old.reason === next.reason && old.message === next.message) return conditions!
  const lastTransitionTime = old.status === next.status ? old.lastTransitionTime : next.lastTransitionTime
  const replaced = { ...old, ...next, lastTransitionTime }
  return conditions!.map((c) => (c === old ? replaced : c))
}
