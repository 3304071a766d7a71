import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { StorageError } from '../storage-error.ts'
import type { StoreEvent, WatchHandle, WatchOptions, WatchSink } from '../store.ts'
import type { Flight } from './group-commit.ts'
import { type KeyRevision, toEvent } from './key-revision.ts'
import type { RevisionIndex } from './revision-index.ts'

/** Revisions that a watch behind the present looks at in one turn of the event loop. */
const chunk = 1000

/** What a hub needs to know of its store. */
interface WatchSource {
  readonly clock: Clock
  /** The present index; another one after a restore. */
  index(): RevisionIndex
  /** Values of records, in order; `undefined` for deletes. Nothing to wait for where they are all resident. */
  valuesOf(
    records: readonly (KeyRevision | undefined)[],
  ): readonly (Buffer | undefined)[] | Promise<readonly (Buffer | undefined)[]>
}

interface Watcher {
  readonly prefix: string
  readonly sink: WatchSink
  readonly index: RevisionIndex
  /** The next revision to deliver. */
  next: number
  live: boolean
  ended: boolean
  progressAsked: boolean
  /** Something was delivered since the last interval of {@link WatchOptions.progressIntervalMs}. */
  busy: boolean
  timer: Timer | undefined
}

/**
 * Hands each revision to the watches of its prefix, synchronously and in order.
 *
 * A watch that starts in the past reads the log in chunks until nothing is left and turns live in that same turn, so
 * that there is neither gap nor duplicate. Its `next` is the single truth: nothing below it is ever delivered again.
 */
export class WatchHub {
  readonly #source: WatchSource
  readonly #all = new Set<Watcher>()
  readonly #livePrefixes = new Map<string, Set<Watcher>>()
  #queue: Flight[] = []
  #dispatching = false

  constructor(source: WatchSource) {
    this.#source = source
  }

  get size(): number {
    return this.#all.size
  }

  /** A watch that is over before it began; `sink.end` hears of it in a microtask. */
  refuse(error: StorageError, sink: WatchSink): WatchHandle {
    const ready = Promise.reject(error)
    ready.catch(() => sink.end(error))
    return { ready, requestProgress: () => {}, close: () => {} }
  }

  watch(options: WatchOptions, sink: WatchSink): WatchHandle {
    const index = this.#source.index()
    const watcher: Watcher = {
      prefix: options.prefix,
      sink,
      index,
      next: options.fromRevision === undefined || options.fromRevision === 0 ? index.current + 1 : options.fromRevision,
      live: false,
      ended: false,
      progressAsked: false,
      busy: false,
      timer: undefined,
    }
    this.#all.add(watcher)
    const refusal = this.#refusal(watcher)
    if (refusal === undefined && watcher.next > index.current) this.#goLive(watcher)
    const ready = refusal === undefined ? Promise.resolve() : Promise.reject(refusal)
    // A caller that only listens to the sink hears of it there.
    ready.catch((error: unknown) => this.#end(watcher, error as StorageError))
    if (refusal === undefined && !watcher.live) queueMicrotask(() => void this.#catchUp(watcher))
    if (refusal === undefined) this.#everyInterval(watcher, options.progressIntervalMs)
    return {
      ready,
      requestProgress: () => {
        watcher.progressAsked = true
        queueMicrotask(() => this.#answerProgress(watcher))
      },
      close: () => this.#end(watcher, undefined),
    }
  }

  /** Delivers one revision. */
  dispatch(flight: Flight): void {
    if (this.#livePrefixes.size === 0) return
    this.#queue.push(flight)
    // A sink that writes comes back here: its revision waits until every watch has the present one.
    if (this.#dispatching) return
    this.#dispatching = true
    for (let i = 0; i < this.#queue.length; i++) {
      const entry = this.#queue[i]
      if (entry !== undefined) this.#deliver(entry)
    }
    this.#queue = []
    this.#dispatching = false
  }

  /** Ends every watch. */
  endAll(error: Error): void {
    for (const watcher of [...this.#all]) this.#end(watcher, error)
  }

  #deliver({ record, previousValue, decoded }: Flight): void {
    let events: StoreEvent[] | undefined
    for (const [prefix, watchers] of this.#livePrefixes) {
      if (!record.key.startsWith(prefix)) continue
      events ??= [toEvent(record, record.value, previousValue, decoded)]
      for (const watcher of watchers) {
        if (record.revision >= watcher.next) this.#give(watcher, events, record.revision)
      }
    }
  }

  /** `through` is the revision up to which the watch is complete afterwards. */
  #give(watcher: Watcher, events: readonly StoreEvent[], through: number): void {
    watcher.next = through + 1
    watcher.busy = true
    try {
      watcher.sink.events(events)
    } catch (error) {
      // A fault of the sink must not fail the write that it was told of; its owner hears of it outside the write path.
      queueMicrotask(() => this.#end(watcher, error instanceof Error ? error : new Error(String(error))))
    }
  }

  #refusal(watcher: Watcher): StorageError | undefined {
    const { index, next } = watcher
    return next < index.historyStart ? index.compactedError(next) : undefined
  }

  async #catchUp(watcher: Watcher): Promise<void> {
    try {
      while (!watcher.ended) {
        const refusal = this.#refusal(watcher)
        if (refusal !== undefined) {
          this.#end(watcher, refusal)
        } else if (watcher.next > watcher.index.current) {
          this.#goLive(watcher)
          if (watcher.progressAsked) this.#answerProgress(watcher)
          return
        } else if (await this.#deliverHistory(watcher)) {
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    } catch (error) {
      this.#end(watcher, error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Delivers the next chunk of the log; true if there may be more than that. */
  async #deliverHistory(watcher: Watcher): Promise<boolean> {
    const { index } = watcher
    const pin = index.pins.acquire(watcher.next - 1)
    try {
      const scanned = index.history(watcher.next, chunk)
      const records = scanned.filter((record) => record.key.startsWith(watcher.prefix))
      const wanted = records.flatMap((record) => [record, record.previous])
      const pending = this.#source.valuesOf(wanted)
      const values = pending instanceof Promise ? await pending : pending
      if (watcher.ended) return false
      const through = scanned.at(-1)?.revision ?? index.current
      const events = records.map((record, i) => toEvent(record, values[2 * i], values[2 * i + 1]))
      if (events.length > 0) this.#give(watcher, events, through)
      watcher.next = through + 1
      return scanned.length === chunk
    } finally {
      pin.release()
    }
  }

  #goLive(watcher: Watcher): void {
    watcher.live = true
    const watchers = this.#livePrefixes.get(watcher.prefix)
    if (watchers === undefined) this.#livePrefixes.set(watcher.prefix, new Set([watcher]))
    else watchers.add(watcher)
  }

  /** Runs in a microtask of its own, never within a dispatch: all that is visible has been delivered. */
  #answerProgress(watcher: Watcher): void {
    if (!watcher.live || watcher.ended || !watcher.progressAsked) return
    watcher.progressAsked = false
    watcher.sink.progress(watcher.index.current)
  }

  #everyInterval(watcher: Watcher, intervalMs: number | undefined): void {
    if (intervalMs === undefined || intervalMs <= 0) return
    watcher.timer = this.#source.clock.setTimer(() => {
      if (watcher.ended) return
      if (watcher.live && !watcher.busy) {
        watcher.progressAsked = true
        this.#answerProgress(watcher)
      }
      watcher.busy = false
      this.#everyInterval(watcher, intervalMs)
    }, intervalMs)
  }

  #end(watcher: Watcher, error: Error | undefined): void {
    if (watcher.ended) return
    watcher.ended = true
    watcher.timer?.cancel()
    this.#all.delete(watcher)
    const watchers = this.#livePrefixes.get(watcher.prefix)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#livePrefixes.delete(watcher.prefix)
    watcher.sink.end(error)
  }
}
