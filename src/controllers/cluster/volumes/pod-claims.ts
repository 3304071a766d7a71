import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller } from '../../runtime/controller.ts'
import { keyText } from '../../runtime/object-key.ts'
import { PODS } from '../../runtime/resources.ts'

const NAME = 'pvc'

/** The claims that a pod's volumes use; an ephemeral volume's is named after the pod. */
export function claimsOfPod({ metadata, spec }: Typed<Pod>): readonly ObjectKey[] {
  const { namespace = '', name } = metadata
  const names = (spec?.volumes ?? []).flatMap((v) => {
    if (v.persistentVolumeClaim) return [v.persistentVolumeClaim.claimName]
    return v.ephemeral ? [`${name}-${v.name}`] : []
  })
  return names.map((claim) => ({ namespace, name: claim }))
}

/** The index of pods by the claims that they use. */
export const podClaimIndex: NonNullable<Controller['indexes']>[number] = {
  resource: PODS,
  name: NAME,
  values: (pod: KubeObject) => claimsOfPod(pod as Typed<Pod>).map(keyText),
}

export function podsOfClaim(cache: CacheReader, claim: ObjectKey): readonly Typed<Pod>[] {
  return cache.byIndex(PODS, NAME, keyText(claim))
}
