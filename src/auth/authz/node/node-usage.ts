import { podReferences, volumeSecrets } from '../../../apimachinery/pod-references.ts'
import type { PersistentVolume, Pod } from '../../../apimachinery/types/core-v1.ts'

/** Kinds of objects that belong to one node by a field of their own. */
type NodeOwnedKind = 'volumeattachments' | 'resourceslices'

interface PodUse {
  readonly nodeName: string
  readonly uid: string | undefined
  readonly ephemeralContainers: number
  readonly claims: string
  readonly keys: ReadonlySet<string>
}

interface VolumeUse {
  readonly claimKey: string
  readonly secrets: ReadonlySet<string>
}

/**
 * Which objects each node uses through its pods: secrets, config maps, claims, volumes, service accounts.
 *
 * Pods point to objects of their namespace; bound volumes point to their claim, and to secrets of their own. How many
 * pods of a node lead to an object is counted, so that pods come and go without a search.
 */
export class NodeUsage {
  readonly #pods = new Map<string, PodUse>()
  /** `kind/namespace/name` → node → pods of it that lead there. */
  readonly #users = new Map<string, Map<string, number>>()
  readonly #volumes = new Map<string, VolumeUse>()
  /** `namespace/name` of a secret → volumes that need it. */
  readonly #volumesOfSecret = new Map<string, Set<string>>()
  readonly #owned = new Map<string, string>()

  setPod(pod: Pod): void {
    const { namespace = '', name = '', uid } = pod.metadata
    const nodeName = pod.spec?.nodeName
    if (!nodeName) return
    const key = `${namespace}/${name}`
    const ephemeralContainers = pod.spec?.ephemeralContainers?.length ?? 0
    const claims = JSON.stringify([pod.status?.resourceClaimStatuses, pod.status?.extendedResourceClaimStatus])
    const known = this.#pods.get(key)
    const isSame = known?.nodeName === nodeName && known.uid === uid
    // Most changes are of the status, and change nothing here.
    if (isSame && known.ephemeralContainers === ephemeralContainers && known.claims === claims) return
    this.removePod(namespace, name)
    const keys = new Set<string>()
    for (const reference of podReferences(pod)) {
      const slash = reference.indexOf('/')
      keys.add(`${reference.slice(0, slash)}/${namespace}/${reference.slice(slash + 1)}`)
    }
    for (const used of keys) this.#count(used, nodeName)
    this.#pods.set(key, { nodeName, uid, ephemeralContainers, claims, keys })
  }

  removePod(namespace: string, name: string): void {
    const key = `${namespace}/${name}`
    const use = this.#pods.get(key)
    if (!use) return
    this.#pods.delete(key)
    for (const used of use.keys) this.#uncount(used, use.nodeName)
  }

  setVolume(volume: PersistentVolume): void {
    const name = volume.metadata.name ?? ''
    this.removeVolume(name)
    const claim = volume.spec?.claimRef
    if (!claim) return
    const secrets = volumeSecrets(volume)
    for (const secret of secrets) {
      const volumes = this.#volumesOfSecret.get(secret)
      if (volumes) volumes.add(name)
      else this.#volumesOfSecret.set(secret, new Set([name]))
    }
    const claimKey = `persistentvolumeclaims/${claim.namespace ?? ''}/${claim.name ?? ''}`
    this.#volumes.set(name, { claimKey, secrets })
  }

  removeVolume(name: string): void {
    const use = this.#volumes.get(name)
    if (!use) return
    this.#volumes.delete(name)
    for (const secret of use.secrets) {
      const volumes = this.#volumesOfSecret.get(secret)
      volumes?.delete(name)
      if (volumes?.size === 0) this.#volumesOfSecret.delete(secret)
    }
  }

  /** `nodeName` may be undefined: an object that is no node's. */
  setOwned(kind: NodeOwnedKind, name: string, nodeName: string | undefined): void {
    if (nodeName) this.#owned.set(`${kind}/${name}`, nodeName)
    else this.#owned.delete(`${kind}/${name}`)
  }

  removeOwned(kind: NodeOwnedKind, name: string): void {
    this.#owned.delete(`${kind}/${name}`)
  }

  /** True where something on the node needs the object. */
  uses(nodeName: string, kind: string, namespace: string, name: string): boolean {
    if (this.#owned.get(`${kind}/${name}`) === nodeName) return true
    if (kind === 'persistentvolumes') return this.#usesVolume(nodeName, name)
    if (this.#users.get(`${kind}/${namespace}/${name}`)?.has(nodeName)) return true
    if (kind !== 'secrets') return false
    for (const volume of this.#volumesOfSecret.get(`${namespace}/${name}`) ?? [])
      if (this.#usesVolume(nodeName, volume)) return true
    return false
  }

  #usesVolume(nodeName: string, name: string): boolean {
    const use = this.#volumes.get(name)
    return use !== undefined && (this.#users.get(use.claimKey)?.has(nodeName) ?? false)
  }

  #count(key: string, nodeName: string): void {
    const nodes = this.#users.get(key)
    if (nodes) nodes.set(nodeName, (nodes.get(nodeName) ?? 0) + 1)
    else this.#users.set(key, new Map([[nodeName, 1]]))
  }

  #uncount(key: string, nodeName: string): void {
    const nodes = this.#users.get(key)
    const count = nodes?.get(nodeName)
    if (!nodes || count === undefined) return
    if (count > 1) nodes.set(nodeName, count - 1)
    else nodes.delete(nodeName)
    if (nodes.size === 0) this.#users.delete(key)
  }
}
