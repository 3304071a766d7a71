import type { ObjectMeta } from '../apimachinery/types/meta-v1.ts'

const KEPT_FIELDS = [
  'deletionTimestamp',
  'generation',
  'selfLink',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
] as const

/**
 * Takes back from `old` the metadata that a write to a status subresource may not change; managedFields stay, for they
 * record the write itself.
 *
 * @see apimachinery pkg/apis/meta/v1/helpers.go ResetObjectMetaForStatus
 */
export function resetObjectMetaForStatus(meta: ObjectMeta, old: ObjectMeta): void {
  const to = meta as unknown as Record<string, unknown>
  const from = old as unknown as Record<string, unknown>
  for (const field of KEPT_FIELDS) {
    if (from[field] === undefined) delete to[field]
    else to[field] = from[field]
  }
}
