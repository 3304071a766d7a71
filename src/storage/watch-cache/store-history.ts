import type { Clock } from '../../apimachinery/clock.ts'
import { StorageError } from '../storage-error.ts'
import type { Store, StoreEvent, WatchHandle } from '../store.ts'

/** More events than this are not worth replaying: a list is cheaper for both sides, and memory stays bounded. */
const MAX_EVENTS = 10_000

/** A stretch of the past: events behind `after`, up to and including `upTo`. */
interface Stretch {
  readonly prefix: string
  readonly after: number
  readonly upTo: number
}

interface StretchSource {
  readonly store: Store
  readonly clock: Clock
  /** How long the store may take. */
  readonly timeoutMs: number
}

/**
 * Reads events that are older than a cache's window from the store, so that a client's watch goes on where it was also
 * after this process has restarted. Errors: `Compacted` where the store has forgotten them or they are too many,
 * `Unavailable` where it does not answer in time.
 *
 * Differs from kube-apiserver: its cache answers 410 there although etcd still has the events.
 */
export function readStretch(source: StretchSource, stretch: Stretch): Promise<readonly StoreEvent[]> {
  const { store, clock, timeoutMs } = source
  const { prefix, after, upTo } = stretch
  return new Promise((resolve, reject) => {
    const found: StoreEvent[] = []
    let handle: WatchHandle | undefined
    let isDone = false
    const finish = (error?: Error): void => {
      if (isDone) return
      isDone = true
      timer.cancel()
      handle?.close()
      if (error === undefined) resolve(found)
      else reject(error)
    }
    const timer = clock.setTimer(() => {
      finish(new StorageError('Unavailable', `the events behind revision ${after} did not come in time`))
    }, timeoutMs)
    const sink = {
      events(events: readonly StoreEvent[]): void {
        if (isDone) return
        for (const event of events) if (event.kv.modRevision <= upTo) found.push(event)
        if (found.length > MAX_EVENTS) finish(tooMany(after))
        else if ((events.at(-1)?.kv.modRevision ?? 0) >= upTo) finish()
      },
      progress(revision: number): void {
        if (revision >= upTo) finish()
      },
      end(error?: Error): void {
        finish(error ?? new StorageError('Unavailable', 'the watch on the past ended'))
      },
    }
    handle = store.watch({ prefix, fromRevision: after + 1 }, sink)
    if (isDone) handle.close()
    handle.ready.then(() => handle?.requestProgress(), finish)
  })
}

function tooMany(after: number): StorageError {
  return new StorageError('Compacted', `too old resource version: ${after}: more than ${MAX_EVENTS} events since`, {
    revision: after,
  })
}
