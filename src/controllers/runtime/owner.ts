import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { OwnerReference } from '../../apimachinery/types/meta-v1.ts'
import type { ObjectKey, ResourceRef } from './client.ts'
import type { Controller, Enqueue } from './controller.ts'

/** The reference to the one owner that manages an object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((r) => r.controller)
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid
}

/** What an object that `owner` manages carries. */
export function controllerReference(owner: KubeObject, resource: ResourceRef): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  }
}

/** True where the reference names an object of that kind and group. */
export function refersTo(reference: OwnerReference, { group, kind }: ResourceRef): boolean {
  if (reference.kind !== kind) return false
  const at = reference.apiVersion.indexOf('/')
  return (at < 0 ? '' : reference.apiVersion.slice(0, at)) === group
}

/** Wakes the owner of a kind that manages the changed object, and the one that did before. */
export function controllerOwner(owner: ResourceRef): Enqueue {
  return (object, old) => {
    const now = ownerKey(object, owner)
    const before = old && ownerKey(old, owner)
    if (!before || before.name === now?.name) return now ? [now] : []
    return now ? [before, now] : [before]
  }
}

function ownerKey(object: KubeObject, owner: ResourceRef): ObjectKey | undefined {
  const reference = controllerOf(object)
  if (!reference || !refersTo(reference, owner)) return undefined
  return { namespace: owner.namespaced ? (object.metadata.namespace ?? '') : '', name: reference.name }
}

/** Name of the index by managing owner: its uid, or `orphans/<namespace>` for objects that nobody manages. */
export const CONTROLLER_INDEX = 'controller'

/** Value of {@link CONTROLLER_INDEX} for the objects of a namespace that nobody manages. */
export const orphansOf = (namespace: string): string => `orphans/${namespace}`

/** The index by managing owner on a resource. */
export function controllerIndex(resource: ResourceRef): NonNullable<Controller['indexes']>[number] {
  return {
    resource,
    name: CONTROLLER_INDEX,
    values: (object) => [controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace ?? '')],
  }
}
