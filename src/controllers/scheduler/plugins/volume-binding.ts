import { equalJson } from '../../../apimachinery/clone.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { PersistentVolumeClaim, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { StorageClass } from '../../../apimachinery/types/storage-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { STORAGE_CLASSES } from '../../runtime/resources.ts'
import { selectorOf } from '../affinity-term.ts'
import type { NodeInfo } from '../node-info.ts'
import type { Cycle, NodeFilter, ObjectReader, Rejection, SchedulerPlugin } from '../plugin.ts'
import { CSI_DRIVERS, CSI_STORAGE_CAPACITIES } from '../resources.ts'
import type { VolumeBinder, VolumePlan } from './volume-binder.ts'
import {
  claimNameOf,
  claimNamesOf,
  classOfClaim,
  classOfVolume,
  isFullyBound,
  NO_PROVISIONER,
  SELECTED_NODE,
  volumeFitsNode,
} from './volume-claims.ts'
import { claimSize, matchingVolume } from './volume-match.ts'

const NAME = 'VolumeBinding'
const NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
const BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
const NOT_ENOUGH_SPACE = 'node(s) did not have enough free storage'
const VOLUME_GONE = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'

const EMPTY_PLAN: VolumePlan = { bindings: [], provisions: [] }

type Claim = Typed<PersistentVolumeClaim>

const unresolvable = (...reasons: string[]): Rejection => ({ plugin: NAME, reasons, unresolvable: true })

/** Finds out per node how a pod's claims can be bound there. */
export class VolumeFilter implements NodeFilter {
  readonly #objects: ObjectReader
  readonly #binder: VolumeBinder
  readonly #bound: readonly Claim[]
  readonly #delayed: readonly Claim[]
  readonly #plans: Map<string, VolumePlan> = new Map()

  constructor(objects: ObjectReader, binder: VolumeBinder, bound: readonly Claim[], delayed: readonly Claim[]) {
    this.#objects = objects
    this.#binder = binder
    this.#bound = bound
    this.#delayed = [...delayed].sort((a, b) => claimSize(a) - claimSize(b))
  }

  /** What is to be done on a node that has passed; undefined where there is nothing to do. */
  plan(nodeName: string): VolumePlan | undefined {
    return this.#delayed.length === 0 ? undefined : this.#plans.get(nodeName)
  }

  filter(node: NodeInfo): Rejection | undefined {
    const reasons: string[] = []
    for (const claim of this.#bound) {
      const volume = this.#binder.volume(claim.spec?.volumeName ?? '')
      if (!volume) reasons.push(VOLUME_GONE)
      else if (!volumeFitsNode(volume, node.labels)) reasons.push(NODE_CONFLICT)
      if (reasons.length > 0) break
    }
    const plan = this.#delayed.length === 0 ? EMPTY_PLAN : this.#planFor(node)
    if (typeof plan === 'string') {
      // Upstream names the reasons in this order.
      if (reasons[0] === VOLUME_GONE) reasons.unshift(plan)
      else reasons.push(plan)
    } else this.#plans.set(node.name, plan)
    return reasons.length > 0 ? unresolvable(...reasons) : undefined
  }

  #planFor(node: NodeInfo): VolumePlan | string {
    const bindings: { volume: NonNullable<ReturnType<VolumeBinder['volume']>>; claim: Claim }[] = []
    const provisions: Claim[] = []
    const taken: Set<string> = new Set()
    for (const claim of this.#delayed) {
      const selected = claim.metadata.annotations?.[SELECTED_NODE]
      if (selected !== undefined && selected !== node.name) return BIND_CONFLICT
      const candidates = selected === undefined ? this.#candidates(claim) : []
      const volume = matchingVolume(claim, candidates, node.labels, taken) as (typeof candidates)[number] | undefined
      if (volume) {
        taken.add(volume.metadata.name ?? '')
        bindings.push({ volume, claim })
        continue
      }
      const obstacle = this.#cannotProvision(claim, node)
      if (obstacle) return obstacle
      provisions.push(claim)
    }
    return { bindings, provisions }
  }

  #candidates(claim: Claim) {
    const wanted = classOfClaim(claim)
    return this.#binder.volumes().filter((volume) => classOfVolume(volume) === wanted)
  }

  #cannotProvision(claim: Claim, node: NodeInfo): string | undefined {
    const className = classOfClaim(claim)
    if (className === '') throw new Error(`no class for claim "${claim.metadata.namespace}/${claim.metadata.name}"`)
    const storageClass = this.#objects.get(STORAGE_CLASSES, { namespace: '', name: className })
    if (!storageClass) throw new Error(`failed to find storage class "${className}"`)
    if (!storageClass.provisioner || storageClass.provisioner === NO_PROVISIONER) return BIND_CONFLICT
    if (!allowsTopology(storageClass, node)) return BIND_CONFLICT
    return this.#hasCapacity(claim, storageClass, node) ? undefined : NOT_ENOUGH_SPACE
  }

  #hasCapacity(claim: Claim, storageClass: StorageClass, node: NodeInfo): boolean {
    if (claim.spec?.resources?.requests?.['storage'] === undefined) return true
    const driver = this.#objects.get(CSI_DRIVERS, { namespace: '', name: storageClass.provisioner })
    if (!driver?.spec.storageCapacity) return true
    const size = claimSize(claim)
    return this.#objects.list(CSI_STORAGE_CAPACITIES).some((capacity) => {
      const limit = capacity.maximumVolumeSize ?? capacity.capacity
      return (
        capacity.storageClassName === storageClass.metadata.name &&
        limit !== undefined &&
        parseQuantity(limit).value() >= size &&
        capacity.nodeTopology !== undefined &&
        selectorOf(capacity.nodeTopology).matches(node.labels)
      )
    })
  }
}

function allowsTopology({ allowedTopologies }: StorageClass, { labels }: NodeInfo): boolean {
  if (!allowedTopologies?.length) return true
  return allowedTopologies.some(
    ({ matchLabelExpressions = [] }) =>
      matchLabelExpressions.length > 0 &&
      matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? '')),
  )
}

interface PodClaims {
  readonly bound: Claim[]
  readonly delayed: Claim[]
}

/** Sorts a pod's claims, or says why it has to wait. @see plugins/volumebinding/volume_binding.go PreFilter */
function podClaims({ pod, objects }: Cycle, binder: VolumeBinder): PodClaims | Rejection {
  const claims: Claim[] = []
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume)
    if (name === undefined) continue
    const claim = binder.claim({ namespace: pod.metadata.namespace ?? '', name })
    const obstacle = claimObstacle(pod, name, claim, volume.ephemeral !== undefined)
    if (obstacle) return unresolvable(obstacle)
    claims.push(claim!)
  }
  const bound: Claim[] = []
  const delayed: Claim[] = []
  for (const claim of claims) {
    if (isFullyBound(claim)) bound.push(claim)
    else if (!claim.spec?.volumeName && isDelayed(claim, objects)) delayed.push(claim)
    else return unresolvable('pod has unbound immediate PersistentVolumeClaims')
  }
  return { bound, delayed }
}

function isDelayed(claim: Claim, objects: ObjectReader): boolean {
  const className = classOfClaim(claim)
  if (className === '') return false
  const storageClass = objects.get(STORAGE_CLASSES, { namespace: '', name: className })
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
}

function claimObstacle(pod: Pod, name: string, claim: Claim | undefined, isEphemeral: boolean): string | undefined {
  if (!claim) {
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`
  }
  if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`
  const owner = claim.metadata.ownerReferences?.find((o) => o.controller)
  if (isEphemeral && owner?.uid !== pod.metadata.uid) {
    return `PVC ${claim.metadata.namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`
  }
  return undefined
}

/** Claims are bound, or can be on the node. */
export function volumeBinding(binder: VolumeBinder): SchedulerPlugin {
  return {
    name: NAME,
    demand(cycle) {
      if (!cycle.pod.spec?.volumes?.some((v) => v.persistentVolumeClaim ?? v.ephemeral)) return undefined
      const claims = podClaims(cycle, binder)
      if ('reasons' in claims) return { rejection: claims }
      return { filter: new VolumeFilter(cycle.objects, binder, claims.bound, claims.delayed) }
    },
    isWokenBy(event, pod) {
      if (event.kind === 'node') return event.new !== undefined && (!event.old || event.change === 'labels')
      if (event.kind !== 'object' || !event.new) return false
      switch (event.resource) {
        case 'persistentvolumeclaims': {
          const { namespace, name } = event.new.metadata
          return namespace === pod.metadata.namespace && claimNamesOf(pod).includes(name ?? '')
        }
        case 'persistentvolumes':
        case 'csistoragecapacities':
        case 'csidrivers':
          return true
        case 'storageclasses': {
          const old = event.old as Typed<StorageClass> | undefined
          return !old || !equalJson(old.allowedTopologies, (event.new as Typed<StorageClass>).allowedTopologies)
        }
        default:
          return false
      }
    },
  }
}
