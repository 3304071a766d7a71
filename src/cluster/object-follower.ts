import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { ObjectCache, SelectableAttributes } from '../registry/generic/registry.ts'
import { isStorageError } from '../storage/storage-error.ts'
import type { CacheWatcher } from '../storage/watch-cache/cache-watcher.ts'
import type { WatchItem } from '../storage/watch-cache/watch-item.ts'

/** Keeps something in step with the objects of a cache. */
export interface ObjectListener {
  /** An object that is new or has changed. Shared: never write into it. */
  set(object: KubeObject): void
  /** An object that is gone. */
  remove(object: KubeObject): void
  /** Everything heard so far counts no longer: what exists comes anew. */
  reset(): void
}

/** Tells a listener what is in a cache and what happens to it, for as long as the cache lives. */
export class ObjectFollower {
  readonly #cache: ObjectCache
  readonly #listener: ObjectListener
  #watcher: CacheWatcher<SelectableAttributes, KubeObject> | undefined
  #delivered = 0

  private constructor(cache: ObjectCache, listener: ObjectListener) {
    this.#cache = cache
    this.#listener = listener
  }

  /** Resolves once the listener has heard of every object that there is. */
  static async start(cache: ObjectCache, listener: ObjectListener): Promise<ObjectFollower> {
    const follower = new ObjectFollower(cache, listener)
    await follower.#open()
    return follower
  }

  /** Delivers at once what is still on its way to the listener; costs next to nothing where there is none. */
  sync(): void {
    const watcher = this.#watcher
    if (!watcher?.flushScheduled) return
    let before: number
    do {
      before = this.#delivered
      watcher.flush()
    } while (this.#delivered > before && !watcher.isOver)
  }

  async #open(): Promise<void> {
    this.#watcher = await this.#cache.watch(
      { from: { initial: 'any', endBookmark: false }, readsObjects: true },
      {
        deliver: (items) => this.#deliver(items),
        end: (error) => {
          // Too slow, or the cache has been loaded anew: begin again. Anything else means that the server stops.
          if (!isStorageError(error, 'Compacted')) return
          this.#listener.reset()
          void this.#open()
        },
      },
    )
    this.sync()
  }

  #deliver(items: readonly WatchItem<SelectableAttributes, KubeObject>[]): boolean {
    this.#delivered += items.length
    for (const item of items) {
      if (item.type === 'BOOKMARK') continue
      const { object } = item.entry
      if (item.type === 'DELETED') this.#listener.remove(object)
      else this.#listener.set(object)
    }
    return true
  }
}

/** A listener that can take back all it was told: `remove` is called with no more than the names of an object. */
export function tracking(listener: Omit<ObjectListener, 'reset'>): ObjectListener {
  // Names only: the objects themselves would be kept in memory for as long as they exist.
  const known = new Map<string, { readonly namespace?: string; readonly name: string }>()
  const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`
  return {
    set: (object) => {
      const { namespace, name = '' } = object.metadata
      known.set(keyOf(object), namespace === undefined ? { name } : { namespace, name })
      listener.set(object)
    },
    remove: (object) => {
      known.delete(keyOf(object))
      listener.remove(object)
    },
    reset: () => {
      for (const metadata of known.values()) listener.remove({ apiVersion: '', kind: '', metadata })
      known.clear()
    },
  }
}
