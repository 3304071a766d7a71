import { parseApiVersion } from '../../../apimachinery/group-version.ts'
import { type Requirement, Selector, selectorFromSet } from '../../../apimachinery/label-selector.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS } from '../../runtime/resources.ts'
import { selectorOf } from '../affinity-term.ts'
import type { ObjectReader } from '../plugin.ts'

/**
 * The pods that belong together with a pod: those of its services and of its controller. Empty where it has neither.
 *
 * @see plugins/helper/spread.go DefaultSelector
 */
export function defaultSelector(pod: Pod, objects: ObjectReader): Selector {
  const namespace = pod.metadata.namespace ?? ''
  let labels: Record<string, string> = {}
  for (const service of objects.list(SERVICES, namespace)) {
    const wanted = service.spec?.selector
    if (wanted && selectorFromSet(wanted).matches(pod.metadata.labels)) labels = { ...labels, ...wanted }
  }
  const owner = pod.metadata.ownerReferences?.find((o) => o.controller)
  if (!owner) return selectorFromSet(labels)
  const key = { namespace, name: owner.name }
  const group = parseApiVersion(owner.apiVersion)?.group
  let more: readonly Requirement[] = []
  if (group === '' && owner.kind === 'ReplicationController') {
    labels = { ...labels, ...objects.get(REPLICATION_CONTROLLERS, key)?.spec?.selector }
  } else if (group === 'apps' && owner.kind === 'ReplicaSet') {
    more = selectorOf(objects.get(REPLICA_SETS, key)?.spec?.selector).requirements
  } else if (group === 'apps' && owner.kind === 'StatefulSet') {
    more = selectorOf(objects.get(STATEFUL_SETS, key)?.spec?.selector).requirements
  }
  return new Selector([...selectorFromSet(labels).requirements, ...more])
}
