import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Pod, Toleration } from '../../apimachinery/types/core-v1.ts'
import { isExtendedResourceName } from '../../registry/core/pod/resource-names.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'

/**
 * A pod that asks for an extended resource tolerates the taint of the nodes that are kept for those who do.
 *
 * @see kubernetes plugin/pkg/admission/extendedresourcetoleration/admission.go
 */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
  admit(attributes) {
    if (!isForPods(attributes)) return
    const { spec } = attributes.object as unknown as Pod
    if (!spec) return
    const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
    const names = containers.flatMap((c) => Object.keys(c.resources?.requests ?? {}))
    for (const key of [...new Set(names.filter(isExtendedResourceName))].sort()) {
      spec.tolerations = withToleration(spec.tolerations ?? [], { key, operator: 'Exists', effect: 'NoSchedule' })
    }
  },
}

/** The list with the toleration in the place of those that it stands for, or behind the others. */
function withToleration(list: readonly Toleration[], toleration: Toleration): Toleration[] {
  const matches = (t: Toleration): boolean =>
    t.key === toleration.key &&
    t.effect === toleration.effect &&
    t.operator === toleration.operator &&
    (t.value ?? '') === ''
  const matching = list.filter(matches)
  if (matching.length === 0) return [...list, toleration]
  if (matching.some((t) => semanticEqual(t, toleration))) return [...list]
  return list.map((t) => (matches(t) ? toleration : t))
}
