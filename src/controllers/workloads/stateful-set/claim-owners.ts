import { apiVersionOf } from '../../../apimachinery/group-version.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { StatefulSetPersistentVolumeClaimRetentionPolicy } from '../../../apimachinery/types/apps-v1.ts'
import type { OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import type { ResourceRef } from '../../runtime/client.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { PODS, STATEFUL_SETS } from '../../runtime/resources.ts'
import type { PodObject } from '../pod-state.ts'
import { type ClaimObject, isInRange, type StatefulSetObject } from './stateful-pods.ts'

export function retentionPolicy({ spec }: StatefulSetObject): StatefulSetPersistentVolumeClaimRetentionPolicy {
  return spec?.persistentVolumeClaimRetentionPolicy ?? { whenDeleted: 'Retain', whenScaled: 'Retain' }
}

/** The reference means an object of that kind and name, whichever its uid. */
function names(reference: OwnerReference, owner: KubeObject, resource: ResourceRef): boolean {
  return (
    reference.apiVersion === apiVersionOf(resource) &&
    reference.kind === resource.kind &&
    reference.name === owner.metadata.name
  )
}

/** The claim belongs to an earlier object of the same name. */
export function hasStaleOwner(claim: ClaimObject, owner: KubeObject, resource: ResourceRef): boolean {
  const reference = claim.metadata.ownerReferences?.find((r) => names(r, owner, resource))
  return reference !== undefined && reference.uid !== owner.metadata.uid
}

/** Somebody else manages the claim: the retention policy does not apply to it. */
export function hasOtherController(claim: ClaimObject, set: StatefulSetObject, pod: PodObject): boolean {
  const policy = retentionPolicy(set)
  if (policy.whenScaled === 'Retain' && policy.whenDeleted === 'Retain') return false
  return (claim.metadata.ownerReferences ?? []).some((reference) => {
    if (names(reference, set, STATEFUL_SETS)) return reference.uid !== set.metadata.uid
    if (names(reference, pod, PODS)) return reference.uid !== pod.metadata.uid
    return reference.controller === true
  })
}

/**
 * Whether the claim's owners are those that the retention policy asks for.
 *
 * @see kubernetes pkg/controller/statefulset/stateful_set_utils.go isClaimOwnerUpToDate
 */
export function isOwnedAsWanted(claim: ClaimObject, set: StatefulSetObject, pod: PodObject): boolean {
  if (hasStaleOwner(claim, set, STATEFUL_SETS) || hasStaleOwner(claim, pod, PODS)) return true
  const owners = claim.metadata.ownerReferences ?? []
  const own = owners.filter((r) => r.uid === set.metadata.uid || r.uid === pod.metadata.uid)
  if (hasOtherController(claim, set, pod)) return own.length === 0
  if (own.some((r) => !r.controller)) return false
  const wanted = wantedOwners(set, pod)
  return own.length === wanted.length && wanted.every((w) => own.some((r) => r.uid === w.uid))
}

/** The owners that the claim is to have. */
export function claimOwners(claim: ClaimObject, set: StatefulSetObject, pod: PodObject): OwnerReference[] {
  const others = (claim.metadata.ownerReferences ?? []).filter(
    (r) => !names(r, set, STATEFUL_SETS) && !names(r, pod, PODS),
  )
  return hasOtherController(claim, set, pod) ? others : [...others, ...wantedOwners(set, pod)]
}

function wantedOwners(set: StatefulSetObject, pod: PodObject): OwnerReference[] {
  const { whenScaled, whenDeleted } = retentionPolicy(set)
  const isScaledDown = !isInRange(set, pod)
  if (whenScaled === 'Delete' && isScaledDown) return [controllerReference(pod, PODS)]
  return whenDeleted === 'Delete' ? [controllerReference(set, STATEFUL_SETS)] : []
}
