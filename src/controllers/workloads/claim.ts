import { isInvalid, isNotFound } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Selector } from '../../apimachinery/label-selector.ts'
import type { ResourceRef } from '../runtime/client.ts'
import type { ReconcileContext } from '../runtime/controller.ts'
import { keyOf, keyText } from '../runtime/object-key.ts'
import { CONTROLLER_INDEX, controllerOf, controllerReference, orphansOf } from '../runtime/owner.ts'

interface ClaimOptions<T extends KubeObject> {
  readonly owner: KubeObject
  readonly ownerResource: ResourceRef
  readonly resource: ResourceRef<T>
  readonly selector: Selector
  /** What may be claimed, besides what the selector chooses; default: everything. */
  readonly filter?: (object: T) => boolean
  /** Finalizers that go with the ownership (Jobs). */
  readonly finalizers?: readonly string[]
}

/** What an owner has, and what it might get: its own objects and the orphans of its namespace, from the cache. */
export function ownedAndOrphans<T extends KubeObject>(
  { cache }: ReconcileContext,
  resource: ResourceRef<T>,
  owner: KubeObject,
): readonly T[] {
  const own = cache.byIndex(resource, CONTROLLER_INDEX, owner.metadata.uid ?? '')
  const orphans = cache.byIndex(resource, CONTROLLER_INDEX, orphansOf(owner.metadata.namespace ?? ''))
  return orphans.length === 0 ? own : [...own, ...orphans]
}

/**
 * Settles which objects are the owner's: adopts orphans that its selector chooses, lets go of its own that it no longer
 * chooses. Resolves with what is the owner's. Errors: the first that came up, once all others are settled.
 *
 * @see kubernetes pkg/controller/controller_ref_manager.go
 */
export async function claim<T extends KubeObject>(
  context: ReconcileContext,
  objects: readonly T[],
  options: ClaimOptions<T>,
): Promise<T[]> {
  const { owner, selector, filter } = options
  const claimed: T[] = []
  let firstError: unknown
  let mayAdopt: Promise<void> | undefined
  for (const object of objects) {
    const reference = controllerOf(object)
    if (reference && reference.uid !== owner.metadata.uid) continue
    const matches = selector.matches(object.metadata.labels) && (filter?.(object) ?? true)
    if (reference) {
      if (matches) claimed.push(object)
      else if (!owner.metadata.deletionTimestamp) {
        await release(context, object, options).catch((error: unknown) => {
          firstError ??= error
        })
      }
      continue
    }
    if (!matches || owner.metadata.deletionTimestamp || object.metadata.deletionTimestamp) continue
    try {
      mayAdopt ??= checkStillThere(context, options)
      if (await adopt(context, object, options, mayAdopt)) claimed.push(object)
    } catch (error) {
      firstError ??= error
    }
  }
  if (firstError) throw firstError
  return claimed
}

/** The cache may be behind: an owner that is gone or goes away must not take anything in. */
async function checkStillThere<T extends KubeObject>(
  { client }: ReconcileContext,
  { owner, ownerResource }: ClaimOptions<T>,
): Promise<void> {
  const fresh = await client.get(ownerResource, keyOf(owner))
  if (fresh.metadata.uid !== owner.metadata.uid) {
    throw new Error(
      `original ${ownerResource.kind} ${keyText(keyOf(owner))} is gone: got uid ${fresh.metadata.uid}, wanted ${owner.metadata.uid}`,
    )
  }
  if (fresh.metadata.deletionTimestamp) {
    throw new Error(`${keyText(keyOf(owner))} has just been deleted at ${fresh.metadata.deletionTimestamp}`)
  }
}

async function adopt<T extends KubeObject>(
  { client }: ReconcileContext,
  object: T,
  { owner, ownerResource, resource, finalizers = [] }: ClaimOptions<T>,
  mayAdopt: Promise<void>,
): Promise<boolean> {
  const { kind } = resource
  try {
    await mayAdopt
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`can't adopt ${kind} ${keyText(keyOf(object))} (${object.metadata.uid}): ${why}`, { cause: error })
  }
  const metadata = {
    uid: object.metadata.uid,
    ownerReferences: [controllerReference(owner, ownerResource)],
    ...(finalizers.length > 0 ? { finalizers } : {}),
  }
  try {
    await client.patch(resource, keyOf(object), 'strategic', { metadata })
    return true
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}

async function release<T extends KubeObject>(
  { client }: ReconcileContext,
  object: T,
  { owner, resource, finalizers = [] }: ClaimOptions<T>,
): Promise<void> {
  const metadata = {
    uid: object.metadata.uid,
    ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }],
    ...(finalizers.length > 0 ? { '$deleteFromPrimitiveList/finalizers': finalizers } : {}),
  }
  try {
    await client.patch(resource, keyOf(object), 'strategic', { metadata })
  } catch (error) {
    // Gone, or another object of that name: either way it is no longer the owner's.
    if (!isNotFound(error) && !isInvalid(error)) throw error
  }
}
