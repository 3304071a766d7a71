import { isAlreadyExists, isNotFound } from '../../../apimachinery/api-error.ts'
import type { ReconcileContext } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { PERSISTENT_VOLUME_CLAIMS, PODS } from '../../runtime/resources.ts'
import { textOf } from '../pod-control.ts'
import type { PodObject } from '../pod-state.ts'
import { claimOwners, hasOtherController, hasStaleOwner, isOwnedAsWanted, retentionPolicy } from './claim-owners.ts'
import {
  type ClaimObject,
  claimsOf,
  hasIdentity,
  ordinalOf,
  type StatefulSetObject,
  withIdentity,
} from './stateful-pods.ts'

type Verb = 'Create' | 'Update' | 'Delete'

/**
 * Writes pods of a StatefulSet and their claims, and says so on the set.
 *
 * @see kubernetes pkg/controller/statefulset/stateful_pod_control.go
 */
export class StatefulPodControl {
  readonly #context: ReconcileContext
  readonly #set: StatefulSetObject

  constructor(context: ReconcileContext, set: StatefulSetObject) {
    this.#context = context
    this.#set = set
  }

  async create(pod: PodObject): Promise<void> {
    try {
      await this.createMissingClaims(pod)
    } catch (error) {
      this.#reportPod('Create', pod, error)
      throw error
    }
    const created = await this.#createPod(pod)
    try {
      await this.updateClaimOwners(created)
    } catch (error) {
      this.#reportPod('Update', pod, error)
      throw error
    }
    this.#reportPod('Create', pod)
  }

  async #createPod(pod: PodObject): Promise<PodObject> {
    try {
      return await this.#context.client.create(PODS, pod)
    } catch (error) {
      if (!isAlreadyExists(error)) this.#reportPod('Create', pod, error)
      throw error
    }
  }

  async delete(pod: PodObject): Promise<void> {
    try {
      await this.#context.client.delete(PODS, keyOf(pod))
    } catch (error) {
      if (!isNotFound(error)) {
        this.#reportPod('Delete', pod, error)
        throw error
      }
    }
    this.#reportPod('Delete', pod)
  }

  /** Gives a pod the labels and volumes that its name asks for, and its claims their owners. */
  async update(pod: PodObject): Promise<void> {
    const isConsistent = hasIdentity(this.#set, pod)
    try {
      if (!isConsistent) await this.createMissingClaims(pod)
      await this.updateClaimOwners(pod)
      if (!isConsistent) await this.#context.client.update(PODS, withIdentity(this.#set, pod))
    } catch (error) {
      this.#reportPod('Update', pod, error)
      throw error
    }
    if (!isConsistent) this.#reportPod('Update', pod)
  }

  /** Errors: a claim that could not be created, or is about to go. */
  async createMissingClaims(pod: PodObject): Promise<void> {
    const failures: string[] = []
    for (const { claim } of claimsOf(this.#set, ordinalOf(pod))) {
      const existing = this.#find(claim)
      if (existing?.metadata.deletionTimestamp) failures.push(`pvc ${claim.metadata.name} is being deleted`)
      if (existing) continue
      try {
        await this.#context.client.create(PERSISTENT_VOLUME_CLAIMS, claim)
        this.#reportClaim(pod, claim)
      } catch (error) {
        if (!isAlreadyExists(error)) this.#reportClaim(pod, claim, error)
        failures.push(`failed to create PVC ${claim.metadata.name}: ${textOf(error)}`)
      }
    }
    if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`)
  }

  /** The claims of the pod belong to whom the retention policy says. */
  hasClaimOwners(pod: PodObject): boolean {
    return this.#existingClaims(pod).every((claim) => isOwnedAsWanted(claim, this.#set, pod))
  }

  async updateClaimOwners(pod: PodObject): Promise<void> {
    const { client, events } = this.#context
    for (const claim of this.#existingClaims(pod)) {
      if (hasOtherController(claim, this.#set, pod)) {
        const message = `PersistentVolumeClaim ${claim.metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`
        events.record(this.#set, 'Warning', 'ConflictingController', message)
      }
      if (isOwnedAsWanted(claim, this.#set, pod)) continue
      const ownerReferences = claimOwners(claim, this.#set, pod)
      const metadata = { ...claim.metadata, ownerReferences }
      try {
        await client.update(PERSISTENT_VOLUME_CLAIMS, { ...claim, metadata })
      } catch (error) {
        const what = `could not update claim ${claim.metadata.name} for delete policy ownerRefs`
        throw new Error(`${what}: ${textOf(error)}`, { cause: error })
      }
    }
  }

  /** A claim still belongs to an earlier pod of that name, and will go with it. */
  hasStaleClaim(pod: PodObject): boolean {
    if (retentionPolicy(this.#set).whenScaled === 'Retain') return false
    return this.#existingClaims(pod).some((claim) => hasStaleOwner(claim, pod, PODS))
  }

  #existingClaims(pod: PodObject): ClaimObject[] {
    return claimsOf(this.#set, ordinalOf(pod))
      .map(({ claim }) => this.#find(claim))
      .filter((claim) => claim !== undefined)
  }

  #find(claim: ClaimObject): ClaimObject | undefined {
    return this.#context.cache.get(PERSISTENT_VOLUME_CLAIMS, keyOf(claim))
  }

  #reportPod(verb: Verb, pod: PodObject, error?: unknown): void {
    const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${this.#set.metadata.name}`
    const { events } = this.#context
    if (error === undefined) events.record(this.#set, 'Normal', `Successful${verb}`, `${what} successful`)
    else events.record(this.#set, 'Warning', `Failed${verb}`, `${what} failed error: ${textOf(error)}`)
  }

  #reportClaim(pod: PodObject, claim: ClaimObject, error?: unknown): void {
    const { events } = this.#context
    const where = `Pod ${pod.metadata.name} in StatefulSet ${this.#set.metadata.name}`
    const name = claim.metadata.name
    if (error === undefined) {
      events.record(this.#set, 'Normal', 'SuccessfulCreate', `Create Claim ${name} ${where} success`)
    } else {
      const message = `Create Claim ${name} for ${where} failed error: ${textOf(error)}`
      events.record(this.#set, 'Warning', 'FailedCreate', message)
    }
  }
}
