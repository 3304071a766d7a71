import { badRequest, conflict } from '../../apimachinery/api-error.ts'
import { formatTime } from '../../apimachinery/clock.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { OwnerReference } from '../../apimachinery/types/meta-v1.ts'
import type { StrategyContext } from '../resource.ts'
import type { ResourceIdentity } from './resource-identity.ts'

/** Drops what only the server may set on a create (rest.WipeObjectMetaSystemFields). */
export function wipeSystemFields(object: KubeObject): void {
  for (const field of SYSTEM_FIELDS) if (object.metadata[field] !== undefined) delete object.metadata[field]
}

const SYSTEM_FIELDS = [
  'creationTimestamp',
  'uid',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
] as const

/** Gives a new object its creation time and uid. */
export function fillSystemFields(object: KubeObject, context: StrategyContext): void {
  object.metadata.creationTimestamp = formatTime(context.clock.now())
  object.metadata.uid = context.newUid()
}

/**
 * Sets the object's namespace to the request's where it is unset, drops it where the resource has none, and refuses
 * one that differs.
 */
export function ensureNamespace(object: KubeObject, requestNamespace: string): void {
  const own = object.metadata.namespace ?? ''
  if (own === requestNamespace) return
  if (requestNamespace === '') delete object.metadata.namespace
  else if (own === '') object.metadata.namespace = requestNamespace
  else throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
}

/** Refuses a write whose object names another object than the path. */
export function checkName(object: KubeObject, name: string, namespace: string): void {
  const ownName = object.metadata.name ?? ''
  if (ownName === '') {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`)
  }
  if (ownName !== name) {
    throw badRequest(`the name of the object (${ownName}) does not match the name on the URL (${name})`)
  }
  const ownNamespace = object.metadata.namespace ?? ''
  if (namespace !== '' && ownNamespace !== '' && ownNamespace !== namespace) {
    throw badRequest(
      `the namespace of the object (${ownNamespace}) does not match the namespace on the request (${namespace})`,
    )
  }
}

/** Drops repeated owner references and says which; the client gets a warning. */
export function dedupOwnerReferences(
  object: KubeObject,
  warn: (text: string) => void,
  { afterMutatingAdmission }: { readonly afterMutatingAdmission: boolean },
): void {
  const references = object.metadata.ownerReferences
  if (!references || references.length < 2) return
  const kept: OwnerReference[] = []
  const repeated: string[] = []
  for (const reference of references) {
    if (kept.some((k) => k.uid === reference.uid && equalJson(k, reference))) repeated.push(reference.uid)
    else kept.push(reference)
  }
  if (repeated.length === 0) return
  object.metadata.ownerReferences = kept
  const suffix = afterMutatingAdmission ? ' after mutating admission happens' : ''
  warn(
    `.metadata.ownerReferences contains duplicate entries${suffix}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  )
}

/** Conditions on the stored object, of delete options or of an update that carries a uid. */
export interface Preconditions {
  readonly uid?: string
  readonly resourceVersion?: string
}

/** Refuses as upstream's storage layer words it (storage.Preconditions.Check). */
export function checkPreconditions(
  identity: ResourceIdentity,
  key: string,
  existing: KubeObject | undefined,
  preconditions: Preconditions,
): void {
  const { uid, resourceVersion } = preconditions
  const metadata = existing?.metadata
  const why =
    uid !== undefined && uid !== (metadata?.uid ?? '')
      ? `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata?.uid ?? ''}`
      : resourceVersion !== undefined && resourceVersion !== (metadata?.resourceVersion ?? '')
        ? `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata?.resourceVersion ?? ''}`
        : undefined
  if (why === undefined) return
  const name = key.slice(key.lastIndexOf('/') + 1)
  const text = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`
  throw conflict(identity, name, text)
}
