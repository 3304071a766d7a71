import { equalJson } from '../../apimachinery/clone.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Selector } from '../../apimachinery/label-selector.ts'
import type { ResourceRef } from '../runtime/client.ts'
import type { Enqueue } from '../runtime/controller.ts'
import { keyOf } from '../runtime/object-key.ts'
import { controllerOf, controllerOwner } from '../runtime/owner.ts'

/**
 * Wakes the owner of a changed object (and the one before), or, where nobody owns it, all of the kind whose selector
 * chooses it: one of them will adopt it.
 */
export function ownerOrMatching<T extends KubeObject>(
  resource: ResourceRef<T>,
  selectorOf: (owner: T) => Selector,
): Enqueue {
  const owners = controllerOwner(resource)
  return (object, old, cache) => {
    const owned = owners(object, old, cache)
    if (controllerOf(object) || object.metadata.deletionTimestamp) return owned
    const isNews = !old || !equalJson(old.metadata.labels, object.metadata.labels) || controllerOf(old)
    if (!isNews) return owned
    const matching = cache
      .list(resource, object.metadata.namespace)
      .filter((owner) => selectorOf(owner).matches(object.metadata.labels))
    return [...owned, ...matching.map(keyOf)]
  }
}
