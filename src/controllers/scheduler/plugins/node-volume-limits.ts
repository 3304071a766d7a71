import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { PersistentVolumeClaim, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { CSINode, VolumeAttachment } from '../../../apimachinery/types/storage-v1.ts'
import {
  CSI_NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from '../../runtime/resources.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Cycle, NodeFilter, ObjectReader, Rejection, SchedulerPlugin } from '../plugin.ts'
import { type CsiVolume, csiDriverOf, csiVolumeOf, hasInTreeSource } from './csi-volume.ts'
import { claimNameOf, claimNamesOf, classOfClaim } from './volume-claims.ts'

const NAME = 'NodeVolumeLimits'
const TOO_MANY: Rejection = { plugin: NAME, reasons: ['node(s) exceed max volume count'], unresolvable: false }
/** Of a claim that has no volume yet: no driver's handle looks like it. */
const UNBOUND = 'unbound-'

const keyOf = ({ driver, handle }: CsiVolume): string => `${driver}/${handle}`

/** Counts CSI volumes on nodes for one pod that wants to go there. @see plugins/nodevolumelimits/csi.go */
class VolumeLimitFilter implements NodeFilter {
  readonly #pod: Pod
  readonly #objects: ObjectReader
  /** By node, made when first asked for. */
  #attachments: ReadonlyMap<string, readonly VolumeAttachment[]> | undefined

  constructor({ pod, objects }: Cycle) {
    this.#pod = pod
    this.#objects = objects
  }

  filter(node: NodeInfo): Rejection | undefined {
    const csiNode = this.#objects.get(CSI_NODES, { namespace: '', name: node.name })
    const limits = limitsOf(csiNode)
    if (limits.size === 0) return undefined
    const wanted = this.#volumesOf(this.#pod, csiNode)
    if (wanted.size === 0) return undefined
    const held = this.#held(node, csiNode)
    for (const volume of held.keys()) wanted.delete(volume)
    const counts = countedByDriver(held)
    for (const [driver, count] of countedByDriver(wanted)) {
      const limit = limits.get(driver)
      if (limit !== undefined && (counts.get(driver) ?? 0) + count > limit) return TOO_MANY
    }
    return undefined
  }

  /** What the pods of a node use, and what is attached to it all the same. */
  #held(node: NodeInfo, csiNode: CSINode | undefined): Map<string, string> {
    const held: Map<string, string> = new Map()
    for (const { pod } of node.pods.values()) {
      for (const [volume, driver] of this.#volumesOf(pod, csiNode)) held.set(volume, driver)
    }
    for (const { spec } of this.#attachedTo(node.name)) {
      const name = spec.source.persistentVolumeName
      const volume = name === undefined ? undefined : this.#volume(name, csiNode)
      if (volume) held.set(keyOf({ driver: spec.attacher, handle: volume.handle }), spec.attacher)
    }
    return held
  }

  #attachedTo(node: string): readonly VolumeAttachment[] {
    this.#attachments ??= byNode(this.#objects.list(VOLUME_ATTACHMENTS))
    return this.#attachments.get(node) ?? []
  }

  /** CSI volumes of a pod on a node, with their driver. Those of claims that are not there are not counted. */
  #volumesOf(pod: Pod, csiNode: CSINode | undefined): Map<string, string> {
    const volumes: Map<string, string> = new Map()
    const namespace = pod.metadata.namespace ?? ''
    for (const source of pod.spec?.volumes ?? []) {
      const name = claimNameOf(pod, source)
      const claim = name === undefined ? undefined : this.#objects.get(PERSISTENT_VOLUME_CLAIMS, { namespace, name })
      const volume = name === undefined ? csiVolumeOf(source, csiNode) : claim && this.#ofClaim(claim, csiNode)
      if (volume) volumes.set(keyOf(volume), volume.driver)
    }
    return volumes
  }

  /** A claim without its volume counts for the provisioner of its class. */
  #ofClaim(claim: PersistentVolumeClaim, csiNode: CSINode | undefined): CsiVolume | undefined {
    const { volumeName } = claim.spec ?? {}
    if (volumeName && this.#objects.get(PERSISTENT_VOLUMES, { namespace: '', name: volumeName })) {
      return this.#volume(volumeName, csiNode)
    }
    const name = classOfClaim(claim)
    const storageClass = name === '' ? undefined : this.#objects.get(STORAGE_CLASSES, { namespace: '', name })
    const driver = storageClass && csiDriverOf(storageClass.provisioner, csiNode)
    const { namespace = '', name: claimName = '' } = claim.metadata
    return driver === undefined ? undefined : { driver, handle: `${UNBOUND}${namespace}/${claimName}` }
  }

  #volume(name: string, csiNode: CSINode | undefined): CsiVolume | undefined {
    const spec = this.#objects.get(PERSISTENT_VOLUMES, { namespace: '', name })?.spec
    if (spec?.csi) return { driver: spec.csi.driver, handle: spec.csi.volumeHandle }
    return spec && csiVolumeOf(spec, csiNode)
  }
}

function byNode(attachments: readonly VolumeAttachment[]): Map<string, VolumeAttachment[]> {
  const groups: Map<string, VolumeAttachment[]> = new Map()
  for (const attachment of attachments) {
    const { nodeName } = attachment.spec
    const known = groups.get(nodeName)
    if (known) known.push(attachment)
    else groups.set(nodeName, [attachment])
  }
  return groups
}

/** How many volumes of each driver a node can hold, for those that say so. */
function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
  const limits: Map<string, number> = new Map()
  for (const { name, allocatable } of csiNode?.spec.drivers ?? []) {
    if (allocatable?.count !== undefined) limits.set(name, allocatable.count)
  }
  return limits
}

function countedByDriver(volumes: ReadonlyMap<string, string>): Map<string, number> {
  const counts: Map<string, number> = new Map()
  for (const driver of volumes.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1)
  return counts
}

/** Volumes that a node can hold per CSI driver. @see plugins/nodevolumelimits/csi.go */
export const nodeVolumeLimits: SchedulerPlugin = {
  name: NAME,
  demand(cycle) {
    // Claims that are not there are VolumeBinding's to tell of.
    const counts = cycle.pod.spec?.volumes?.some((v) => claimNameOf(cycle.pod, v) !== undefined || hasInTreeSource(v))
    if (!counts) return undefined
    return { filter: new VolumeLimitFilter(cycle) }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'pod') {
      const isGone = event.old !== undefined && event.new === undefined
      return isGone && (event.old.spec?.volumes ?? []).length > 0
    }
    if (event.kind !== 'object') return false
    if (event.resource === 'volumeattachments') return event.new === undefined
    if (!event.new) return false
    if (event.resource === 'csinodes') return allowsMore(event.old, event.new)
    return (
      event.resource === 'persistentvolumeclaims' &&
      event.new.metadata.namespace === pod.metadata.namespace &&
      claimNamesOf(pod).includes(event.new.metadata.name ?? '')
    )
  },
}

/** True where a node is new, or one of its drivers can hold more than before. */
function allowsMore(old: KubeObject | undefined, now: KubeObject): boolean {
  if (!old) return true
  const before = limitsOf(old as unknown as CSINode)
  const after = limitsOf(now as unknown as CSINode)
  return [...before].some(([driver, count]) => (after.get(driver) ?? Number.POSITIVE_INFINITY) > count)
}
