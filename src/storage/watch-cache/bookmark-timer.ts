import type { Clock, Timer } from '../../apimachinery/clock.ts'
import { BookmarkItem } from './watch-item.ts'

/** What takes bookmarks: a watcher of any cache. */
interface BookmarkTaker {
  readonly isOver: boolean
  offerBookmark(bookmark: BookmarkItem): void
}

/** Upstream's `defaultBookmarkFrequency` (cacher.go). */
export const DEFAULT_BOOKMARK_INTERVAL_MS = 60_000
/** A watch that is about to time out gets a last one so long before: upstream's 2 s. */
const BEFORE_DEADLINE_MS = 2_000
const TICK_MS = 1_000

interface Schedule {
  readonly deadline: number | undefined
  dueAt: number
}

/**
 * Sends bookmarks about once a minute and shortly before a watch's deadline, one item for all watchers that are due.
 * Runs its one timer only while somebody wants bookmarks.
 */
export class BookmarkTimer {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #revision: () => number
  readonly #takers = new Map<BookmarkTaker, Schedule>()
  #timer: Timer | undefined

  constructor(options: {
    readonly clock: Clock
    readonly intervalMs: number
    /** Everything up to this revision has been given to the watchers. */
    readonly revision: () => number
  }) {
    this.#clock = options.clock
    this.#intervalMs = options.intervalMs
    this.#revision = options.revision
  }

  /** `deadline`: when the watch will be ended, in the clock's milliseconds. */
  add(taker: BookmarkTaker, deadline: number | undefined): void {
    const dueAt = this.#nextFor(deadline)
    if (dueAt === undefined) return
    this.#takers.set(taker, { deadline, dueAt })
    this.#timer ??= this.#clock.setTimer(this.#tick, TICK_MS)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#takers.clear()
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    const bookmark = new BookmarkItem(this.#revision(), { initialEventsEnd: false })
    for (const [taker, schedule] of this.#takers) {
      if (taker.isOver) {
        this.#takers.delete(taker)
        continue
      }
      if (schedule.dueAt > now) continue
      taker.offerBookmark(bookmark)
      const next = this.#nextFor(schedule.deadline)
      if (next === undefined) this.#takers.delete(taker)
      else schedule.dueAt = next
    }
    if (this.#takers.size > 0) this.#timer = this.#clock.setTimer(this.#tick, TICK_MS)
  }

  #nextFor(deadline: number | undefined): number | undefined {
    const now = this.#clock.now()
    const regular = now + this.#intervalMs
    if (deadline === undefined) return regular
    const next = Math.min(regular, deadline - BEFORE_DEADLINE_MS)
    return next <= now ? undefined : next
  }
}
