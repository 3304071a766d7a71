import { causedByChange } from '../../../apimachinery/cause.ts'
import type { Timer } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Client, ResourceRef } from '../../runtime/client.ts'
import type { ControlLoop, LoopContext } from '../../runtime/control-loop.ts'
import { Informer } from '../../runtime/informer.ts'
import { resourceId } from '../../runtime/resources.ts'
import { Collector } from './collector.ts'

/** How often upstream looks for resources that came or went. */
const RESYNC_MS = 30_000
/** A definition of a custom resource changed: its resource is served, or no more, soon after. */
const DEFINITION_RESYNC_MS = 200

const CUSTOM_RESOURCE_DEFINITIONS = 'apiextensions.k8s.io/v1/customresourcedefinitions'

/** Deletes dependents by their owner references. */
export const garbageCollector: ControlLoop = {
  name: 'garbage-collector-controller',
  serviceAccount: 'generic-garbage-collector',
  async start(context) {
    const { client, clock, events, logger } = context
    const collector = new Collector({ client, clock, events, logger })
    const monitors = new Monitors(context, collector)
    await monitors.start()
    collector.run()
    return async () => {
      monitors.stop()
      await collector.stop()
    }
  },
}

/** Watches every resource that there is, and tells the collector's graph. */
class Monitors {
  readonly #context: LoopContext
  readonly #collector: Collector
  readonly #monitors = new Map<string, () => void>()
  #resync: { readonly timer: Timer; readonly at: number } | undefined
  #isStopped = false

  constructor(context: LoopContext, collector: Collector) {
    this.#context = context
    this.#collector = collector
  }

  /** Resolves once every resource's first list is in. */
  async start(): Promise<void> {
    await this.#sync()
  }

  stop(): void {
    this.#isStopped = true
    this.#resync?.timer.cancel()
    for (const stop of this.#monitors.values()) stop()
  }

  async #sync(): Promise<void> {
    try {
      const resources = (await this.#context.client.resources()).filter((r) => r.resource !== 'events')
      if (this.#isStopped) return
      this.#collector.kinds.replace(resources)
      await this.#replace(resources)
    } catch (error) {
      this.#context.logger.warn({ err: error }, 'could not find out what resources there are')
    }
    this.#later(RESYNC_MS)
  }

  async #replace(resources: readonly ResourceRef[]): Promise<void> {
    const wanted = new Map(resources.map((r) => [resourceId(r), r]))
    for (const [id, stop] of this.#monitors) {
      if (wanted.has(id)) continue
      stop()
      this.#monitors.delete(id)
    }
    const added = [...wanted].filter(([id]) => !this.#monitors.has(id))
    await Promise.all(added.map(([id, resource]) => this.#monitor(id, resource)))
  }

  async #monitor(id: string, resource: ResourceRef): Promise<void> {
    const collector = this.#collector
    const isDefinitions = id === CUSTOM_RESOURCE_DEFINITIONS
    const seen = new Set<string>()
    const handler = {
      set: (object: KubeObject, old: KubeObject | undefined) => {
        const uid = object.metadata.uid!
        // Deleted and made anew between two lists: the one before is gone.
        if (old && old.metadata.uid !== uid) forget(old)
        seen.add(uid)
        collector.set(resource, object)
        if (isDefinitions) this.#later(DEFINITION_RESYNC_MS)
      },
      remove: (object: KubeObject) => {
        forget(object)
        if (isDefinitions) this.#later(DEFINITION_RESYNC_MS)
      },
    }
    const forget = (object: KubeObject): void => {
      seen.delete(object.metadata.uid!)
      collector.remove(object.metadata.uid!, causedByChange(object))
    }
    const { informers } = this.#context
    const shared = informers.find(resource)
    const informer = shared ?? new Informer({ ...this.#context, client: metadataOnly(this.#context.client), resource })
    const removeHandler = informer.addHandler(handler)
    this.#monitors.set(id, () => {
      removeHandler()
      if (!shared) informer.stop()
      if (!this.#isStopped) for (const uid of seen) collector.remove(uid)
    })
    if (!shared) informer.start()
    await informer.synced
  }

  /** The next look at what resources there are, unless an earlier one is planned. */
  #later(delayMs: number): void {
    const { clock } = this.#context
    const at = clock.now() + delayMs
    if (this.#isStopped || (this.#resync && this.#resync.at <= at)) return
    this.#resync?.timer.cancel()
    const timer = clock.setTimer(() => {
      this.#resync = undefined
      void this.#sync()
    }, delayMs)
    this.#resync = { timer, at }
  }
}

/** Lists and watches that keep nothing of an object but what owners and deletion are about. */
function metadataOnly(client: Client): Pick<Client, 'list' | 'watch'> {
  return {
    list: async (resource, query) => {
      const list = await client.list(resource, query)
      return { ...list, items: list.items.map(slim) }
    },
    watch: (resource, query, receiver) =>
      client.watch(resource, query, {
        event: (event) => receiver.event(event.type === 'BOOKMARK' ? event : { ...event, object: slim(event.object) }),
        end: (error) => receiver.end(error),
      }),
  }
}

function slim<T extends KubeObject>({ apiVersion, kind, metadata }: T): T {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = metadata
  const kept = { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp }
  return { apiVersion, kind, metadata: kept } as T
}
