import { asApiError, resourceExpired } from '../apimachinery/api-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { WatchReceiver } from '../controllers/runtime/client.ts'
import type { SelectableAttributes } from '../registry/generic/registry.ts'
import { isStorageError } from '../storage/storage-error.ts'
import type { CacheWatcher } from '../storage/watch-cache/cache-watcher.ts'
import type { WatchItem } from '../storage/watch-cache/watch-item.ts'

type Item = WatchItem<SelectableAttributes, KubeObject>
type Watcher = CacheWatcher<SelectableAttributes, KubeObject>

/** Hands the items of a watch cache to a receiver in this process: no JSON is written, and each object parsed once. */
export class InProcessWatch {
  readonly #receiver: WatchReceiver
  readonly #served: (object: KubeObject) => KubeObject
  #watcher: Watcher | undefined
  #isOver = false

  constructor(receiver: WatchReceiver, served: (object: KubeObject) => KubeObject) {
    this.#receiver = receiver
    this.#served = served
  }

  /** Begins; `open` starts the watch on the cache. */
  begin(open: (consumer: InProcessWatch) => Promise<Watcher>): void {
    open(this).then(
      (watcher) => {
        this.#watcher = watcher
        if (this.#isOver) watcher.close()
      },
      (error: unknown) => this.end(error instanceof Error ? error : new Error(String(error))),
    )
  }

  /** Called by the cache. */
  deliver(items: readonly Item[]): boolean {
    for (const item of items) {
      if (this.#isOver) break
      if (item.type === 'BOOKMARK') {
        const { revision, initialEventsEnd } = item
        this.#receiver.event({ type: 'BOOKMARK', resourceVersion: String(revision), initialEventsEnd })
      } else this.#receiver.event({ type: item.type, object: this.#served(item.entry.object) })
    }
    return true
  }

  /** Called by the cache, or when the watch could not begin. */
  end(error: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    if (isStorageError(error, 'Closed')) this.#receiver.end()
    else if (isStorageError(error, 'Compacted')) this.#receiver.end(resourceExpired(error.message))
    else this.#receiver.end(asApiError(error) ?? error)
  }

  /** Nothing is received any more. */
  readonly stop = (): void => {
    this.#isOver = true
    this.#watcher?.close()
  }
}
