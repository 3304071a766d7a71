import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'
import type { CacheReader, Controller } from '../runtime/controller.ts'
import { PODS } from '../runtime/resources.ts'

const NAME = 'spec.nodeName'

/** The index of pods by the node that they are bound to. */
export const podNodeIndex: NonNullable<Controller['indexes']>[number] = {
  resource: PODS,
  name: NAME,
  values: (pod: KubeObject) => {
    const { nodeName } = (pod as Typed<Pod>).spec ?? {}
    return nodeName ? [nodeName] : []
  },
}

export function podsOnNode(cache: CacheReader, node: string): readonly Typed<Pod>[] {
  return cache.byIndex(PODS, NAME, node)
}
