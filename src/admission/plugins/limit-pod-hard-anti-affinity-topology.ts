import { forbidden } from '../../apimachinery/api-error.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isForPods } from '../attribute-tests.ts'

const HOSTNAME = 'kubernetes.io/hostname'

/**
 * A pod can keep others off its node, not off a whole zone.
 *
 * @see kubernetes plugin/pkg/admission/antiaffinity/admission.go
 */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
  validate(attributes) {
    if (!isForPods(attributes)) return
    const { metadata, spec } = attributes.object as unknown as Pod
    const terms = spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
    const term = terms.find((t) => t.topologyKey !== HOSTNAME)
    if (!term) return
    const why = `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${term.topologyKey} but only key ${HOSTNAME} is allowed`
    throw forbidden(attributes.resource, metadata.name ?? '', why)
  },
}
