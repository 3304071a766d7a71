import { goQuote } from '../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import { isRestartableInitContainer } from '../../registry/core/pod/pod-containers.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { refused } from '../refusal.ts'

/** Features of nodes that an update of a pod can need, by name in their order, with what tells that it does. */
const FEATURES: readonly (readonly [name: string, needed: (pod: Pod, old: Pod) => boolean])[] = [
  ['InPlacePodLevelResourcesVerticalScaling', (pod, old) => !semanticEqual(pod.spec?.resources, old.spec?.resources)],
  ['InPlacePodVerticalScalingInitContainers', resizesInitContainer],
]

function resizesInitContainer({ spec }: Pod, old: Pod): boolean {
  return (old.spec?.initContainers ?? []).some((container, i) => {
    const resources = spec?.initContainers?.[i]?.resources
    return !isRestartableInitContainer(container) && !semanticEqual(container.resources, resources)
  })
}

/**
 * A change of a running pod that its node does not know how to make is refused (KEP-5328).
 *
 * @see kubernetes plugin/pkg/admission/nodedeclaredfeatures/admission.go, component-helpers nodedeclaredfeatures
 */
export function nodeDeclaredFeatureValidator(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'NodeDeclaredFeatureValidator',
    handles: (operation) => operation === 'UPDATE',
    validate(attributes) {
      const { subresource, object, oldObject } = attributes
      if (!isFor(attributes, '', 'pods') || (subresource !== '' && subresource !== 'resize')) return
      const pod = object as unknown as Pod
      const old = oldObject as unknown as Pod
      const nodeName = pod.spec?.nodeName
      if (!nodeName || old.metadata.generation === pod.metadata.generation) return
      const needed = FEATURES.filter(([, isNeeded]) => isNeeded(pod, old)).map(([name]) => name)
      if (needed.length === 0) return
      return Promise.resolve(reader.get('', 'nodes', '', nodeName)).then((found) => {
        if (!found) throw refused(attributes, `node ${goQuote(nodeName)} not found`)
        const declared = (found as unknown as Node).status?.declaredFeatures ?? []
        const missing = needed.filter((name) => !declared.includes(name))
        if (missing.length === 0) return
        const why = `pod update requires features ${missing.join(', ')} which are not available on node ${goQuote(nodeName)}`
        throw refused(attributes, why)
      })
    },
  }
}
