import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { CSI_NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from '../../runtime/resources.ts'
import type { ObjectReader, Rejection, SchedulerPlugin } from '../plugin.ts'
import { claimNamesOf } from './volume-claims.ts'

const NAME = 'NodeVolumeLimits'
const TOO_MANY: Rejection = { plugin: NAME, reasons: ['node(s) exceed max volume count'], unresolvable: false }

/** Attached CSI volumes of a pod: unique name → driver. Volumes not bound yet count by their claim's class. */
function attachableVolumes(pod: Pod, objects: ObjectReader): Map<string, string> {
  const volumes: Map<string, string> = new Map()
  const namespace = pod.metadata.namespace ?? ''
  for (const name of claimNamesOf(pod)) {
    const claim = objects.get(PERSISTENT_VOLUME_CLAIMS, { namespace, name })
    const volumeName = claim?.spec?.volumeName
    if (!volumeName) continue
    const csi = objects.get(PERSISTENT_VOLUMES, { namespace: '', name: volumeName })?.spec?.csi
    if (csi) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver)
  }
  return volumes
}

/** Volumes that a node can hold per CSI driver. @see plugins/nodevolumelimits/csi.go */
export const nodeVolumeLimits: SchedulerPlugin = {
  name: NAME,
  demand({ pod, objects }) {
    const wanted = attachableVolumes(pod, objects)
    if (wanted.size === 0) return undefined
    return {
      filter: {
        filter(node) {
          const drivers = objects.get(CSI_NODES, { namespace: '', name: node.name })?.spec.drivers ?? []
          const limits = new Map(
            drivers.flatMap((d) => (d.allocatable?.count == null ? [] : [[d.name, d.allocatable.count]])),
          )
          if (limits.size === 0) return undefined
          const all = new Map(wanted)
          for (const info of node.pods.values())
            for (const [id, d] of attachableVolumes(info.pod, objects)) all.set(id, d)
          const counts: Map<string, number> = new Map()
          for (const driver of all.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1)
          for (const driver of wanted.values()) {
            if ((counts.get(driver) ?? 0) > (limits.get(driver) ?? Number.POSITIVE_INFINITY)) return TOO_MANY
          }
          return undefined
        },
      },
    }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'pod')
      return event.old !== undefined && event.new === undefined && claimNamesOf(event.old).length > 0
    if (event.kind !== 'object' || !event.new) return false
    if (event.resource === 'csinodes') return true
    return (
      event.resource === 'persistentvolumeclaims' &&
      event.new.metadata.namespace === pod.metadata.namespace &&
      claimNamesOf(pod).includes(event.new.metadata.name ?? '')
    )
  },
}
