import type { Clock, Timer } from '../../apimachinery/clock.ts'
import { isStorageError } from '../storage-error.ts'
import { ExpiryQueue } from './expiry-queue.ts'
import type { KeyRevision } from './key-revision.ts'

/** How long to wait where the store could not take a delete: a full disk, mostly. */
const retryMs = 1000

/**
 * Deletes keys whose time is over. One timer, set to the soonest; a round deletes all that is due and the next begins
 * when it is done.
 */
export class Expirer {
  readonly #clock: Clock
  readonly #remove: (record: KeyRevision) => Promise<unknown>
  #queue = new ExpiryQueue()
  #timer: Timer | undefined
  #timerAt = 0
  #round: Promise<void> | undefined
  #stopped = false

  /** `remove` deletes the record's key if the record is still its last write, and refuses as `Store.delete` does. */
  constructor(clock: Clock, remove: (record: KeyRevision) => Promise<unknown>) {
    this.#clock = clock
    this.#remove = remove
  }

  /** Follows one visible write. */
  apply(record: KeyRevision): void {
    if (record.expiresAt === 0 && (record.previous === undefined || record.previous.expiresAt === 0)) return
    this.#queue.apply(record)
    this.#arm()
  }

  /** Forgets what it knew and follows these live records. */
  reset(records: Iterable<KeyRevision>): void {
    this.#queue = new ExpiryQueue()
    for (const record of records) {
      if (record.expiresAt !== 0) this.#queue.add(record)
    }
    this.#arm()
  }

  /** The live records that have a TTL. */
  records(): Iterable<KeyRevision> {
    return this.#queue.records()
  }

  /** Resolves when nothing is due that a round is at work on. */
  async idle(): Promise<void> {
    while (this.#round !== undefined) await this.#round
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Compares the queue with the live records that have a TTL. */
  problems(live: readonly KeyRevision[]): string[] {
    const expiring = live.filter((record) => record.expiresAt !== 0)
    if (expiring.length === this.#queue.size && expiring.every((record) => this.#queue.has(record))) return []
    return [`${expiring.length} keys have a TTL, ${this.#queue.size} are queued to expire`]
  }

  #arm(): void {
    const at = this.#queue.nextAt()
    if (at === undefined || this.#stopped) return
    if (this.#timer === undefined || at < this.#timerAt) this.#setTimer(at)
  }

  #setTimer(at: number): void {
    this.#timer?.cancel()
    this.#timerAt = at
    const fire = (): void => {
      this.#timer = undefined
      this.#expireDue()
    }
    this.#timer = this.#clock.setTimer(fire, Math.max(0, at - this.#clock.now()))
  }

  #expireDue(): void {
    if (this.#round !== undefined || this.#stopped) return
    const due = this.#queue.due(this.#clock.now())
    if (due.length === 0) {
      this.#arm()
      return
    }
    this.#round = this.#expire(due).then((failed) => {
      this.#round = undefined
      if (!failed) this.#expireDue()
      else if (!this.#stopped) this.#setTimer(this.#clock.now() + retryMs)
    })
  }

  /** True where a delete failed. */
  async #expire(due: readonly KeyRevision[]): Promise<boolean> {
    const results = await Promise.allSettled(due.map((record) => this.#expireOne(record)))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined && !isStorageError(failed.reason)) throw failed.reason
    return failed !== undefined
  }

  /** A write that came in between has set the key's time anew: then there is nothing to do. */
  async #expireOne(record: KeyRevision): Promise<void> {
    try {
      await this.#remove(record)
    } catch (error) {
      if (!isStorageError(error, 'RevisionConflict') && !isStorageError(error, 'KeyNotFound')) throw error
    }
  }
}
