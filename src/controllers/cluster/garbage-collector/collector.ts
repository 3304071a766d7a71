import { isNotFound } from '../../../apimachinery/api-error.ts'
import { type Cause, causedByChange } from '../../../apimachinery/cause.ts'
import type { Clock } from '../../../apimachinery/clock.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { apiVersionOf } from '../../../apimachinery/group-version.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import type { Client, ResourceRef } from '../../runtime/client.ts'
import type { EventRecorder } from '../../runtime/controller.ts'
import type { Logger } from '../../runtime/logger.ts'
import { type TakenKey, WorkQueue } from '../../runtime/work-queue.ts'
import { AbsentOwners } from './absent-owners.ts'
import { CollectorClient } from './collector-client.ts'
import { KindIndex, UnknownKindError } from './kinds.ts'
import {
  FOREGROUND_FINALIZER,
  type GraphNode,
  isDeletingDependents,
  ORPHAN_FINALIZER,
  OwnerGraph,
} from './owner-graph.ts'

/** Objects that are looked at at once: upstream's concurrent-gc-syncs. */
const CONCURRENCY = 20

interface CollectorOptions {
  readonly client: Client
  readonly clock: Clock
  readonly events: EventRecorder
  readonly logger: Logger
}

/** Owners of an object by what became of them. */
interface Owners {
  readonly solid: readonly OwnerReference[]
  readonly dangling: readonly OwnerReference[]
  /** They exist, go in foreground, and wait for their dependents. */
  readonly waiting: readonly OwnerReference[]
}

/**
 * Deletes objects whose owners are gone, lets go of owners that wait for dependents that are gone, and orphans the
 * dependents of owners that are deleted so. Nothing is decided on the graph alone: the API is asked for every object
 * and owner.
 *
 * @see pkg/controller/garbagecollector/garbagecollector.go
 */
export class Collector {
  readonly graph: OwnerGraph
  readonly kinds = new KindIndex()
  readonly #options: CollectorOptions
  readonly #absent = new AbsentOwners()
  readonly #queue: WorkQueue
  /** The change that the graph is being told of. */
  #change: Cause | undefined
  #isRunning = false
  #active = 0
  #onIdle: (() => void) | undefined

  constructor(options: CollectorOptions) {
    this.#options = options
    this.#queue = new WorkQueue({ clock: options.clock, onReady: () => this.#wake() })
    this.graph = new OwnerGraph({
      attemptToDelete: (uid) => this.#queue.add(`delete/${uid}`, this.#change),
      attemptToOrphan: (uid) => this.#queue.add(`orphan/${uid}`, this.#change),
      absent: (node) => this.#absent.addNode(node),
      invalidNamespace: (dependent, reference) => this.#reportInvalidNamespace(dependent, reference),
    })
  }

  /** An object is there, or has changed. */
  set(resource: ResourceRef, object: KubeObject): void {
    this.#change = causedByChange(object)
    this.graph.set(resource, object)
    this.#change = undefined
  }

  /** An object is gone; `cause`: its deletion, where that was heard of. */
  remove(uid: string, cause?: Cause): void {
    this.#change = cause
    this.graph.remove(uid)
    this.#change = undefined
  }

  /** Begins to look at objects: to be called once the graph shows everything. */
  run(): void {
    this.#isRunning = true
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#queue.stop()
    if (this.#active === 0) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  #wake(): void {
    while (this.#isRunning && this.#active < CONCURRENCY) {
      const taken = this.#queue.take()
      if (!taken) return
      void this.#process(taken)
    }
  }

  async #process({ key, cause }: TakenKey): Promise<void> {
    this.#active++
    try {
      if (await this.#attempt(key, cause)) this.#queue.forget(key)
      else this.#queue.addWithBackoff(key, cause)
    } catch (error) {
      // A kind that is not served may be soon.
      const level = error instanceof UnknownKindError ? 'debug' : 'warn'
      this.#options.logger[level]({ err: error, key }, 'could not collect an object, trying again')
      this.#queue.addWithBackoff(key, cause)
    }
    this.#queue.done(key)
    this.#active--
    if (!this.#isRunning && this.#active === 0) this.#onIdle?.()
    else this.#wake()
  }

  /** False where the object has to be looked at again. */
  async #attempt(key: string, cause: Cause): Promise<boolean> {
    const node = this.graph.get(key.slice(key.indexOf('/') + 1))
    if (!node) return true
    const client = new CollectorClient(this.#options.client.causedBy(cause))
    if (!key.startsWith('orphan/')) return await this.#attemptToDelete(node, client, cause)
    await this.#orphanDependents(node, client)
    return true
  }

  async #orphanDependents(owner: GraphNode, client: CollectorClient): Promise<void> {
    const dependents = this.graph.dependentsOf(owner.uid)
    await Promise.all(dependents.map((d) => client.removeOwners(d, [owner.uid]).catch(ignoreNotFound)))
    await client.removeFinalizer(owner, ORPHAN_FINALIZER)
  }

  async #attemptToDelete(node: GraphNode, client: CollectorClient, cause: Cause): Promise<boolean> {
    if (node.metadata.deletionTimestamp !== undefined && !isDeletingDependents(node)) return true
    const live = await client.live(node)
    // Gone: its own deletion is still to be heard of, and will wake its dependents.
    if (!live) return true
    if (isDeletingDependents(node)) {
      await this.#finishForeground(node, client, cause)
      return true
    }
    const references = live.metadata.ownerReferences ?? []
    if (references.length === 0) return true
    const owners = await this.#classify(node, references)
    if (!owners) return true
    if (owners.solid.length > 0) return await this.#keep(node, owners, client)
    if (owners.waiting.length > 0 && this.graph.dependentsOf(node.uid).length > 0)
      await this.#deleteForeground(node, live, client)
    else await client.delete(node, live, ownPolicy(live))
    return true
  }

  /** An owner is left: only references to others go. */
  async #keep(node: GraphNode, { dangling, waiting }: Owners, client: CollectorClient): Promise<boolean> {
    const gone = [...dangling, ...waiting].map((r) => r.uid)
    if (gone.length > 0) {
      await client.removeOwners(node, gone)
      return true
    }
    // An owner that exists but has not been seen may go before it is: its deletion would not be heard of.
    return this.graph.hasSeenOwnersOf(node)
  }

  async #deleteForeground(node: GraphNode, live: KubeObject, client: CollectorClient): Promise<void> {
    // Owners and dependents that all wait for dependents may wait for each other.
    if (this.graph.dependentsOf(node.uid).some(isDeletingDependents)) await client.unblockOwners(node)
    const now = (await client.live(node)) ?? live
    await client.delete(node, now, 'Foreground')
  }

  async #finishForeground(node: GraphNode, client: CollectorClient, cause: Cause): Promise<void> {
    const blocking = this.graph.blockingDependentsOf(node.uid)
    if (blocking.length === 0) {
      await client.removeFinalizer(node, FOREGROUND_FINALIZER)
      return
    }
    for (const dependent of blocking) {
      if (!isDeletingDependents(dependent)) this.#queue.add(`delete/${dependent.uid}`, cause)
    }
  }

  /** Undefined where a reference is of a form that no owner can ever have. */
  async #classify(node: GraphNode, references: readonly OwnerReference[]): Promise<Owners | undefined> {
    const solid: OwnerReference[] = []
    const dangling: OwnerReference[] = []
    const waiting: OwnerReference[] = []
    for (const reference of references) {
      const owner = await this.#ownerOf(node, reference)
      if (owner === 'impossible') return undefined
      if (owner === 'absent') dangling.push(reference)
      else if (isDeletingDependents(owner)) waiting.push(reference)
      else solid.push(reference)
    }
    return { solid, dangling, waiting }
  }

  async #ownerOf(node: GraphNode, reference: OwnerReference): Promise<KubeObject | 'absent' | 'impossible'> {
    const { namespace = '' } = node.metadata
    if (this.#absent.has(reference, namespace)) return 'absent'
    const resource: ResourceRef = this.kinds.resourceOf(reference.apiVersion, reference.kind)
    if (resource.namespaced && namespace === '') {
      this.#options.logger.debug({ uid: node.uid, reference }, 'cluster-scoped object refers to a namespaced owner')
      return 'impossible'
    }
    const ownerNamespace = resource.namespaced ? namespace : ''
    const key = { namespace: ownerNamespace, name: reference.name }
    const owner = await this.#options.client.get(resource, key).catch(ignoreNotFound)
    if (owner && owner.metadata.uid === reference.uid) return owner
    this.#absent.add(reference, ownerNamespace)
    return 'absent'
  }

  #reportInvalidNamespace({ resource, metadata }: GraphNode, { apiVersion, kind, name, uid }: OwnerReference): void {
    const { namespace = '' } = metadata
    const identity = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`
    const dependent = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata }
    const message = `ownerRef ${identity} does not exist in namespace ${goQuote(namespace)}`
    this.#options.events.record(dependent, 'Warning', 'OwnerRefInvalidNamespace', message)
  }
}

/** How the object's own dependents are to go: as it says by a finalizer that it has already. */
function ownPolicy({ metadata: { finalizers = [] } }: KubeObject): 'Orphan' | 'Foreground' | 'Background' {
  if (finalizers.includes(ORPHAN_FINALIZER)) return 'Orphan'
  return finalizers.includes(FOREGROUND_FINALIZER) ? 'Foreground' : 'Background'
}

function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
  return undefined
}
