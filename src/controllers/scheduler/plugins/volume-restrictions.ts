import type { Pod, Volume } from '../../../apimachinery/types/core-v1.ts'
import { PERSISTENT_VOLUME_CLAIMS } from '../../runtime/resources.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Cycle, Demand, NodeFilter, Rejection, SchedulerPlugin } from '../plugin.ts'
import type { PodInfo } from '../pod-info.ts'

const NAME = 'VolumeRestrictions'
const DISK_CONFLICT: Rejection = { plugin: NAME, reasons: ['node(s) had no available disk'], unresolvable: false }
const CLAIM_IN_USE: Rejection = {
  plugin: NAME,
  reasons: [
    'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
  ],
  unresolvable: false,
}

function isExclusive(v: Volume): boolean {
  return Boolean(v.gcePersistentDisk ?? v.awsElasticBlockStore ?? v.rbd ?? v.iscsi)
}

/** Whether two volumes are one disk that cannot be mounted twice on a node. */
function diskConflicts(a: Volume, b: Volume): boolean {
  const canShare = (one: { readOnly?: boolean }, other: { readOnly?: boolean }) => one.readOnly && other.readOnly
  if (a.gcePersistentDisk && b.gcePersistentDisk) {
    if (
      a.gcePersistentDisk.pdName === b.gcePersistentDisk.pdName &&
      !canShare(a.gcePersistentDisk, b.gcePersistentDisk)
    )
      return true
  }
  if (a.awsElasticBlockStore && a.awsElasticBlockStore.volumeID === b.awsElasticBlockStore?.volumeID) return true
  if (a.iscsi && b.iscsi && a.iscsi.iqn === b.iscsi.iqn && !canShare(a.iscsi, b.iscsi)) return true
  if (!a.rbd || !b.rbd || canShare(a.rbd, b.rbd)) return false
  const monitors = b.rbd.monitors
  const isSame = (a.rbd.pool || 'rbd') === (b.rbd.pool || 'rbd') && a.rbd.image === b.rbd.image
  return isSame && a.rbd.monitors.some((m) => monitors.includes(m))
}

function podsConflict(pod: Pod, other: Pod): boolean {
  return (pod.spec?.volumes ?? []).some(
    (v) => isExclusive(v) && (other.spec?.volumes ?? []).some((existing) => diskConflicts(v, existing)),
  )
}

function claimsOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((v) => v.persistentVolumeClaim?.claimName ?? [])
}

class RestrictionFilter implements NodeFilter {
  readonly #pod: Pod
  readonly #hasDisks: boolean
  readonly #claims: ReadonlySet<string>
  #conflicts: number

  constructor(pod: Pod, claims: ReadonlySet<string>, conflicts: number) {
    this.#pod = pod
    this.#hasDisks = (pod.spec?.volumes ?? []).some(isExclusive)
    this.#claims = claims
    this.#conflicts = conflicts
  }

  filter(node: NodeInfo): Rejection | undefined {
    if (this.#hasDisks) for (const { pod } of node.pods.values()) if (podsConflict(this.#pod, pod)) return DISK_CONFLICT
    return this.#conflicts > 0 ? CLAIM_IN_USE : undefined
  }

  addPod(info: PodInfo): void {
    this.#conflicts += this.#conflictsWith(info)
  }

  removePod(info: PodInfo): void {
    this.#conflicts -= this.#conflictsWith(info)
  }

  #conflictsWith({ pod, namespace }: PodInfo): number {
    if (namespace !== (this.#pod.metadata.namespace ?? '')) return 0
    return claimsOf(pod).filter((name) => this.#claims.has(name)).length
  }

  clone(): RestrictionFilter {
    return new RestrictionFilter(this.#pod, this.#claims, this.#conflicts)
  }
}

/** Claims of a pod that only one pod at a time may use, or why that cannot be known. */
function exclusiveClaims({ pod, objects }: Cycle): Set<string> | Rejection {
  const exclusive: Set<string> = new Set()
  for (const name of claimsOf(pod)) {
    const claim = objects.get(PERSISTENT_VOLUME_CLAIMS, { namespace: pod.metadata.namespace ?? '', name })
    if (!claim) {
      return { plugin: NAME, reasons: [`persistentvolumeclaim ${JSON.stringify(name)} not found`], unresolvable: true }
    }
    if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) exclusive.add(name)
  }
  return exclusive
}

function inUse(cycle: Cycle, claims: ReadonlySet<string>): number {
  if (claims.size === 0) return 0
  const used: Set<string> = new Set()
  for (const node of cycle.cluster.nodes) {
    for (const { pod, namespace } of node.pods.values()) {
      if (namespace === cycle.info.namespace) for (const name of claimsOf(pod)) if (claims.has(name)) used.add(name)
    }
  }
  return used.size
}

/** Disks and claims that cannot be shared. @see plugins/volumerestrictions/volume_restrictions.go */
export const volumeRestrictions: SchedulerPlugin = {
  name: NAME,
  demand(cycle): Demand | undefined {
    const volumes = cycle.pod.spec?.volumes
    if (!volumes?.length) return undefined
    const claims = exclusiveClaims(cycle)
    if (!(claims instanceof Set)) return { rejection: claims }
    const conflicts = inUse(cycle, claims)
    if (conflicts === 0 && !volumes.some(isExclusive)) return undefined
    return { filter: new RestrictionFilter(cycle.pod, claims, conflicts) }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'node') return event.old === undefined
    if (event.kind === 'pod') {
      const { old, new: now } = event
      if (!old || now || old.metadata.namespace !== pod.metadata.namespace) return false
      return podsConflict(pod, old) || claimsOf(pod).some((name) => claimsOf(old).includes(name))
    }
    if (event.kind !== 'object' || event.resource !== 'persistentvolumeclaims' || event.old || !event.new) return false
    const { namespace, name } = event.new.metadata
    return namespace === pod.metadata.namespace && claimsOf(pod).includes(name ?? '')
  },
}
