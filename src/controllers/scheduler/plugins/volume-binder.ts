import type { Clock, Timer } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Client, ObjectKey, Typed } from '../../runtime/client.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS } from '../../runtime/resources.ts'
import type { ObjectReader } from '../plugin.ts'
import { BOUND_BY_CONTROLLER, isFullyBound, SELECTED_NODE } from './volume-claims.ts'

type Claim = Typed<PersistentVolumeClaim>
type Volume = Typed<PersistentVolume>

/** What is to be done about a pod's unbound claims on one node. */
export interface VolumePlan {
  readonly bindings: readonly { readonly volume: Volume; readonly claim: Claim }[]
  readonly provisions: readonly Claim[]
}

/** How long binding may take: VolumeBindingArgs' default. */
const BIND_TIMEOUT_MS = 600_000

interface Waiting {
  check(): void
}

/**
 * Decisions about volumes that the API does not know of yet, and carrying them out.
 *
 * @see plugins/volumebinding/binder.go
 */
export class VolumeBinder {
  readonly #objects: ObjectReader
  readonly #clock: Clock
  readonly #assumedVolumes: Map<string, Volume> = new Map()
  readonly #assumedClaims: Map<string, Claim> = new Map()
  readonly #waiting: Set<Waiting> = new Set()

  constructor(objects: ObjectReader, clock: Clock) {
    this.#objects = objects
    this.#clock = clock
  }

  claim(key: ObjectKey): Claim | undefined {
    const actual = this.#objects.get(PERSISTENT_VOLUME_CLAIMS, key)
    return this.#newer(this.#assumedClaims, `${key.namespace}/${key.name}`, actual)
  }

  volume(name: string): Volume | undefined {
    return this.#newer(this.#assumedVolumes, name, this.#objects.get(PERSISTENT_VOLUMES, { namespace: '', name }))
  }

  volumes(): readonly Volume[] {
    const all = this.#objects.list(PERSISTENT_VOLUMES)
    if (this.#assumedVolumes.size === 0) return all
    return all.map((v) => this.#newer(this.#assumedVolumes, v.metadata.name ?? '', v)!)
  }

  /** An assumption counts until the object is seen to have changed. */
  #newer<T extends Claim | Volume>(assumed: Map<string, T>, key: string, actual: T | undefined): T | undefined {
    const own = assumed.get(key)
    if (!own) return actual
    if (actual && actual.metadata.resourceVersion === own.metadata.resourceVersion) return own
    assumed.delete(key)
    return actual
  }

  /** Takes a plan as done. Returns what is to be written. */
  assume(plan: VolumePlan, nodeName: string): VolumePlan {
    const bindings = plan.bindings.map(({ volume, claim }) => ({ volume: boundTo(volume, claim), claim }))
    const provisions = plan.provisions.map((claim) => {
      const copy = cloneJson(claim)
      copy.metadata.annotations = { ...copy.metadata.annotations, [SELECTED_NODE]: nodeName }
      return copy
    })
    for (const { volume } of bindings) this.#assumedVolumes.set(volume.metadata.name ?? '', volume)
    for (const claim of provisions) this.#assumedClaims.set(keyText(claim), claim)
    return { bindings, provisions }
  }

  revert(plan: VolumePlan): void {
    for (const { volume } of plan.bindings) this.#assumedVolumes.delete(volume.metadata.name ?? '')
    for (const claim of plan.provisions) this.#assumedClaims.delete(keyText(claim))
  }

  /** Writes a plan and waits until every claim is bound. Errors: what the API says, a reset decision, a timeout. */
  async bind(client: Client, pod: Pod, plan: VolumePlan, nodeName: string): Promise<void> {
    for (const { volume } of plan.bindings) await client.update(PERSISTENT_VOLUMES, volume)
    for (const claim of plan.provisions) await client.update(PERSISTENT_VOLUME_CLAIMS, claim)
    await new Promise<void>((resolve, reject) => {
      let timer: Timer | undefined
      const waiting: Waiting = {
        check: () => {
          try {
            if (!this.#isBound(pod, plan, nodeName)) return
            this.#waiting.delete(waiting)
            timer?.cancel()
            resolve()
          } catch (error) {
            this.#waiting.delete(waiting)
            timer?.cancel()
            reject(new Error(`binding volumes: ${(error as Error).message}`, { cause: error }))
          }
        },
      }
      timer = this.#clock.setTimer(() => {
        this.#waiting.delete(waiting)
        reject(new Error('binding volumes: context deadline exceeded'))
      }, BIND_TIMEOUT_MS)
      this.#waiting.add(waiting)
      waiting.check()
    })
  }

  /** To be called when a pod, a claim or a volume has changed. */
  recheck(): void {
    for (const waiting of [...this.#waiting]) waiting.check()
  }

  #isBound(pod: Pod, plan: VolumePlan, nodeName: string): boolean {
    const key = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '' }
    if (!this.#objects.get(PODS, key)) throw new Error(`pod does not exist any more: pod "${key.name}" not found`)
    for (const { volume, claim } of plan.bindings) {
      const name = volume.metadata.name ?? ''
      const actual = this.#objects.get(PERSISTENT_VOLUMES, { namespace: '', name })
      const actualClaim = this.#objects.get(PERSISTENT_VOLUME_CLAIMS, keyOf(claim))
      if (!actual || !actualClaim) throw new Error(`failed to check binding: could not find object "${name}"`)
      if (actual.metadata.resourceVersion === volume.metadata.resourceVersion) return false
      if (!actual.spec?.claimRef?.uid) throw new Error(`ClaimRef got reset for pv "${name}"`)
      if (!isFullyBound(actualClaim)) return false
    }
    for (const claim of plan.provisions) {
      const actual = this.#objects.get(PERSISTENT_VOLUME_CLAIMS, keyOf(claim))
      if (!actual) throw new Error(`failed to check provisioning pvc: could not find object "${keyText(claim)}"`)
      if (actual.metadata.resourceVersion === claim.metadata.resourceVersion) return false
      if (actual.metadata.annotations?.[SELECTED_NODE] !== nodeName) {
        throw new Error(`provisioning failed for PVC "${claim.metadata.name}"`)
      }
      if (!isFullyBound(actual)) return false
    }
    return true
  }
}

function keyOf({ metadata }: Claim): ObjectKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
}

function keyText(claim: Claim): string {
  return `${claim.metadata.namespace}/${claim.metadata.name}`
}

/** A volume as bound to a claim. @see component-helpers storage/volume/pv_helpers.go GetBindVolumeToClaim */
function boundTo(volume: Volume, claim: Claim): Volume {
  const copy = cloneJson(volume)
  const { namespace, name, uid, resourceVersion } = claim.metadata
  if (!copy.spec?.claimRef) copy.metadata.annotations = { ...copy.metadata.annotations, [BOUND_BY_CONTROLLER]: 'yes' }
  copy.spec = {
    ...copy.spec,
    claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion },
  }
  return copy
}
