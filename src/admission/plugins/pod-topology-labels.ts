import type { Binding, Pod } from '../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'

const TOPOLOGY_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']

/**
 * A pod carries the zone and the region of the node that it is bound to.
 *
 * @see kubernetes plugin/pkg/admission/podtopologylabels/admission.go
 */
export function podTopologyLabels(reader: ObjectReader): AdmissionPlugin {
  const copyTo = async (metadata: ObjectMeta, nodeName: string): Promise<void> => {
    const labels = (await reader.get('', 'nodes', '', nodeName))?.metadata.labels
    const copied = TOPOLOGY_LABELS.flatMap((key) => (labels?.[key] === undefined ? [] : [[key, labels[key]]]))
    if (copied.length > 0) metadata.labels = { ...metadata.labels, ...Object.fromEntries(copied) }
  }
  return {
    name: 'PodTopologyLabels',
    handles: (operation) => operation === 'CREATE',
    admit(attributes) {
      if (!isFor(attributes, '', 'pods')) return
      const { subresource, object } = attributes
      if (subresource === '') {
        const nodeName = (object as unknown as Pod).spec?.nodeName
        return nodeName ? copyTo(object!.metadata, nodeName) : undefined
      }
      if (subresource !== 'binding') return
      const { target } = object as unknown as Binding
      return target?.kind === 'Node' && target.name ? copyTo(object!.metadata, target.name) : undefined
    },
  }
}
