import type { WriteOptions } from '../store.ts'
import type { Journal } from './journal.ts'
import type { KeyRevision } from './key-revision.ts'

/** A write between its decision and its acknowledgement. */
export interface Flight {
  readonly record: KeyRevision
  /** Value of the state that the write replaces; held here, as the resident one may be evicted meanwhile. */
  readonly previousValue: Buffer | undefined
  /** {@link WriteOptions.decoded} */
  readonly decoded?: unknown
}

interface Waiting extends Flight {
  /** Resolves when the write is visible, rejects when it failed. */
  readonly done: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/** A batch takes no more than this, so that neither memory nor latency grow without end. */
const maxBatchBytes = 8 * 1024 * 1024
const maxBatchRecords = 4096

/**
 * Writes that arrive while one is being made durable share the next batch, so that a sync is paid once for all of
 * them. Later writes are decided on top of those in flight; if a batch fails, everything behind it fails with it.
 */
export class GroupCommit {
  readonly #journal: Journal
  readonly #publish: (flights: readonly Flight[]) => void
  readonly #rollback: () => void
  readonly #newest = new Map<string, Waiting>()
  #queue: Waiting[] = []
  #running: Promise<void> | undefined

  /**
   * `publish` makes a durable batch visible; `rollback` is told that every revision in flight is void.
   */
  constructor(journal: Journal, publish: (flights: readonly Flight[]) => void, rollback: () => void) {
    this.#journal = journal
    this.#publish = publish
    this.#rollback = rollback
  }

  /** The newest write in flight to the key. */
  newest(key: string): KeyRevision | undefined {
    return this.#newest.get(key)?.record
  }

  /** Resolves when the key's newest write in flight has come to its end, good or bad; undefined if there is none. */
  settled(key: string): Promise<void> | undefined {
    return this.#newest.get(key)?.done.catch(() => {
      // Whoever made that write hears of its failure; this caller only decides anew.
    })
  }

  /** Resolves once the write is durable and visible. */
  async commit(flight: Flight): Promise<void> {
    const waiting = wait(flight)
    this.#queue.push(waiting)
    this.#newest.set(flight.record.key, waiting)
    this.#running ??= this.#run()
    await waiting.done
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // One turn of the event loop lets the writers that the last batch has just released join this one.
      await new Promise((resolve) => setImmediate(resolve))
      const batch = this.#take()
      try {
        await this.#journal.append(batch.map((flight) => flight.record))
      } catch (error) {
        this.#fail([...batch, ...this.#queue], error)
        continue
      }
      for (const flight of batch) {
        if (this.#newest.get(flight.record.key) === flight) this.#newest.delete(flight.record.key)
      }
      this.#publish(batch)
      for (const flight of batch) flight.resolve()
    }
    this.#running = undefined
  }

  #take(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { record } of this.#queue) {
      bytes += record.size
      if (count > 0 && (bytes > maxBatchBytes || count >= maxBatchRecords)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  #fail(flights: readonly Waiting[], error: unknown): void {
    this.#queue = []
    this.#newest.clear()
    this.#rollback()
    for (const flight of flights) flight.reject(error)
  }
}

function wait(flight: Flight): Waiting {
  let resolve = (): void => {}
  let reject = (_error: unknown): void => {}
  const done = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { ...flight, done, resolve, reject }
}
