import { conflict } from '../../apimachinery/api-error.ts'
import { formatTime, parseTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { AnyResourceEntry, StrategyContext } from '../resource.ts'
import type { Preconditions } from './object-metadata.ts'
import type { ResourceIdentity } from './resource-identity.ts'

/** metav1.DeleteOptions, decoded and validated. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly orphanDependents?: boolean
  readonly propagationPolicy?: string
  readonly preconditions?: Preconditions
}

/** Finalizers with which the garbage collector is told what to do with the dependents. */
const ORPHAN_FINALIZER = 'orphan'
const FOREGROUND_FINALIZER = 'foregroundDeletion'

type GracefulDeletion =
  /** Nothing is to be done: a deletion with a shorter or equal period is under way. */
  | { readonly pending: true }
  | { readonly pending: false; readonly graceful: false }
  /** The object has been marked and stays for that many seconds (0: it may go at once). */
  | { readonly pending: false; readonly graceful: true; readonly seconds: number }

/**
 * Whether the object stays for a while; marks `object` (a copy) with deletion time and period where it does.
 *
 * @see apiserver pkg/registry/rest/delete.go BeforeDelete
 */
export function gracefulDeletion(
  entry: AnyResourceEntry,
  identity: ResourceIdentity,
  object: KubeObject,
  options: DeleteOptions,
  context: StrategyContext,
): GracefulDeletion {
  checkDeletePreconditions(identity, object, options.preconditions ?? {})
  const strategy = entry.strategy
  if (!strategy.gracePeriodSeconds) return { pending: false, graceful: false }
  const requested = options.gracePeriodSeconds === undefined ? undefined : atLeastOne(options.gracePeriodSeconds)
  if (object.metadata.deletionTimestamp) return shortenDeletion(object, requested, context)
  const seconds = strategy.gracePeriodSeconds(object, requested)
  if (seconds === undefined) return { pending: false, graceful: false }
  const metadata = object.metadata
  metadata.deletionTimestamp = formatTime(context.clock.now() + seconds * 1000)
  metadata.deletionGracePeriodSeconds = seconds
  if (metadata.generation) metadata.generation++
  return { pending: false, graceful: true, seconds }
}

/** Negative periods count as one second. */
function atLeastOne(seconds: number): number {
  return seconds < 0 ? 1 : seconds
}

/** A deletion that is under way can only be made shorter. */
function shortenDeletion(
  object: KubeObject,
  requested: number | undefined,
  context: StrategyContext,
): GracefulDeletion {
  const metadata = object.metadata
  const period = metadata.deletionGracePeriodSeconds === undefined ? 0 : atLeastOne(metadata.deletionGracePeriodSeconds)
  if (period === 0) return { pending: false, graceful: false }
  if (requested === undefined || requested >= period) return { pending: true }
  const now = context.clock.now()
  const moved = parseTime(metadata.deletionTimestamp!) + (requested - period) * 1000
  const expired = moved < now
  // The whole period is over already: the shortest that is still graceful, so that the kubelet ends it.
  const seconds = expired && requested !== 0 ? 1 : requested
  metadata.deletionTimestamp = formatTime(expired ? now : moved)
  metadata.deletionGracePeriodSeconds = seconds
  return { pending: false, graceful: true, seconds }
}

function checkDeletePreconditions(
  identity: ResourceIdentity,
  object: KubeObject,
  { uid, resourceVersion }: Preconditions,
): void {
  const metadata = object.metadata
  // Upstream names the kind where other messages name the resource.
  const target = { group: identity.group, resource: identity.kind }
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`
    throw conflict(target, metadata.name ?? '', why)
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`
    throw conflict(target, metadata.name ?? '', why)
  }
}

/** Marks an object that only its finalizers keep: deletion time now, no grace. */
export function markAsDeleting(object: KubeObject, now: number): void {
  const metadata = object.metadata
  if (!metadata.deletionTimestamp && metadata.generation) metadata.generation++
  if (!metadata.deletionTimestamp || parseTime(metadata.deletionTimestamp) > now) {
    metadata.deletionTimestamp = formatTime(now)
  }
  metadata.deletionGracePeriodSeconds = 0
}

/** The finalizers that the object must have, given what the client wants to become of its dependents. */
export function deletionFinalizers(
  entry: AnyResourceEntry,
  object: KubeObject,
  options: DeleteOptions,
): readonly string[] {
  const finalizers = object.metadata.finalizers ?? []
  const kept = finalizers.filter((f) => f !== ORPHAN_FINALIZER && f !== FOREGROUND_FINALIZER)
  const wanted =
    entry.deletion?.dependents === 'unsupported' ? undefined : garbageCollectorFinalizer(entry, finalizers, options)
  return wanted === undefined ? kept : [...kept, wanted]
}

function garbageCollectorFinalizer(
  entry: AnyResourceEntry,
  finalizers: readonly string[],
  options: DeleteOptions,
): string | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? ORPHAN_FINALIZER : undefined
  switch (options.propagationPolicy) {
    case 'Orphan':
      return ORPHAN_FINALIZER
    case 'Foreground':
      return FOREGROUND_FINALIZER
    case 'Background':
      return undefined
  }
  const present = finalizers.find((f) => f === ORPHAN_FINALIZER || f === FOREGROUND_FINALIZER)
  if (present !== undefined) return present
  return entry.deletion?.dependents === 'orphan' ? ORPHAN_FINALIZER : undefined
}

/** Same set, whatever the order. */
export function sameFinalizers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((f) => b.includes(f))
}
