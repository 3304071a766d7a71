import type { Node } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'

/**
 * A new node starts with the taint of one that is not ready: no pod lands on it before it says that it is.
 *
 * @see kubernetes plugin/pkg/admission/nodetaint/admission.go
 */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: (operation) => operation === 'CREATE',
  admit(attributes) {
    if (attributes.subresource !== '' || !isFor(attributes, '', 'nodes')) return
    const node = attributes.object as unknown as Node
    const taints = node.spec?.taints ?? []
    if (taints.some((t) => t.key === NOT_READY && t.effect === 'NoSchedule')) return
    node.spec = { ...node.spec, taints: [...taints, { key: NOT_READY, effect: 'NoSchedule' }] }
  },
}
