import { equalJson } from '../../../apimachinery/clone.ts'
import type { PersistentVolume, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { StorageClass } from '../../../apimachinery/types/storage-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES } from '../../runtime/resources.ts'
import type { Cycle, Rejection, SchedulerPlugin } from '../plugin.ts'
import { classOfClaim } from './volume-claims.ts'

const NAME = 'VolumeZone'
const NO_ZONE: Rejection = { plugin: NAME, reasons: ['node(s) had no available volume zone'], unresolvable: true }

const ZONE = 'topology.kubernetes.io/zone'
const REGION = 'topology.kubernetes.io/region'
/** Old labels, with today's names. */
const GA_LABEL: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': ZONE,
  'failure-domain.beta.kubernetes.io/region': REGION,
}
const TOPOLOGY_LABELS = [...Object.keys(GA_LABEL), ZONE, REGION]

interface Topology {
  readonly key: string
  readonly values: readonly string[]
}

const unresolvable = (reason: string): Rejection => ({ plugin: NAME, reasons: [reason], unresolvable: true })

/** Zones of a volume by its labels; `a__b` names several. */
function topologiesOf(volume: PersistentVolume): Topology[] {
  const labels = volume.metadata.labels ?? {}
  return TOPOLOGY_LABELS.flatMap((key) => {
    const values = labels[key]?.split('__').map((v) => v.trim())
    return values && !values.includes('') ? [{ key, values }] : []
  })
}

function claimNames(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((v) => v.persistentVolumeClaim?.claimName ?? [])
}

function topologiesOfPod({ pod, objects }: Cycle): readonly Topology[] | Rejection {
  const topologies: Topology[] = []
  for (const name of claimNames(pod)) {
    const claim = objects.get(PERSISTENT_VOLUME_CLAIMS, { namespace: pod.metadata.namespace ?? '', name })
    if (!claim) return unresolvable(`persistentvolumeclaim "${name}" not found`)
    const volumeName = claim.spec?.volumeName
    if (!volumeName) {
      const className = classOfClaim(claim)
      if (className === '') return unresolvable('PersistentVolumeClaim had no pv name and storageClass name')
      const storageClass = objects.get(STORAGE_CLASSES, { namespace: '', name: className })
      if (!storageClass) return unresolvable(`storageclass.storage.k8s.io "${className}" not found`)
      if (storageClass.volumeBindingMode === 'WaitForFirstConsumer') continue
      return unresolvable('PersistentVolume had no name')
    }
    const volume = objects.get(PERSISTENT_VOLUMES, { namespace: '', name: volumeName })
    if (!volume) return unresolvable(`persistentvolume "${volumeName}" not found`)
    topologies.push(...topologiesOf(volume))
  }
  return topologies
}

/** Bound volumes are in the node's zone. @see plugins/volumezone/volume_zone.go */
export const volumeZone: SchedulerPlugin = {
  name: NAME,
  demand(cycle) {
    if (claimNames(cycle.pod).length === 0) return undefined
    const topologies = topologiesOfPod(cycle)
    if ('reasons' in topologies) return { rejection: topologies }
    if (topologies.length === 0) return undefined
    return {
      filter: {
        filter({ labels }) {
          if (!TOPOLOGY_LABELS.some((key) => labels[key] !== undefined)) return undefined
          const fits = topologies.every(({ key, values }) => {
            const value = labels[key] ?? labels[GA_LABEL[key] ?? key]
            return value !== undefined && values.includes(value)
          })
          return fits ? undefined : NO_ZONE
        },
      },
    }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'node') return event.new !== undefined && (!event.old || event.change === 'labels')
    if (event.kind !== 'object' || !event.new) return false
    if (event.resource === 'storageclasses') {
      return !event.old && (event.new as Typed<StorageClass>).volumeBindingMode === 'WaitForFirstConsumer'
    }
    if (event.resource === 'persistentvolumes') {
      return (
        !event.old ||
        !equalJson(topologiesOf(event.old as PersistentVolume), topologiesOf(event.new as PersistentVolume))
      )
    }
    if (event.resource !== 'persistentvolumeclaims') return false
    const { namespace, name } = event.new.metadata
    return namespace === pod.metadata.namespace && claimNames(pod).includes(name ?? '')
  },
}
