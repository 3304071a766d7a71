import { type Clock, systemClock } from '../apimachinery/clock.ts'
import type { ManualClock } from '../apimachinery/manual-clock.ts'
import { isStorageError } from '../storage/storage-error.ts'
import type { ClusterClock } from './library-api.ts'
import type { Patience } from './wait-for.ts'

/** What a cluster does at the moment. */
export interface Activity {
  /** Something waits for an answer. */
  readonly isBusy: boolean
  /** Grows with each write. */
  revision(): Promise<number>
}

/** A cluster is still once nothing has happened for so many turns of the event loop. */
const STILL_TURNS = 3
/** What takes longer than this, in real time (a webhook that does not answer), is not waited for. */
const MAX_SETTLE_MS = 5_000

/** Waits until what has begun in the cluster has come to rest, timers apart. */
export async function settled(activity: Activity): Promise<void> {
  const giveUpAt = performance.now() + MAX_SETTLE_MS
  let revision = await activity.revision()
  for (let still = 0; still < STILL_TURNS && performance.now() < giveUpAt; ) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = await activity.revision()
    still = activity.isBusy || now !== revision ? 0 : still + 1
    revision = now
  }
}

/** A cluster that is stopped while its time passes has none left. */
function whenStopped(error: unknown): void {
  if (!isStorageError(error, 'Closed')) throw error
}

/** The clock of a cluster, moved by hand or by the machine. */
export class ClusterTime implements ClusterClock, Patience {
  readonly clock: Clock
  readonly #manual: ManualClock | undefined
  readonly #activity: () => Activity
  /** Moves come one after the other. */
  #moving: Promise<void> = Promise.resolve()

  constructor(clock: 'system' | ManualClock, activity: () => Activity) {
    this.#manual = clock === 'system' ? undefined : clock
    this.clock = this.#manual ?? systemClock
    this.#activity = activity
  }

  now(): number {
    return this.clock.now()
  }

  async advance(ms: number): Promise<void> {
    const { manual } = this
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`a clock moves forward, not by ${ms} ms`)
    await this.#exclusively(async () => {
      const end = manual.now() + ms
      await settled(this.#activity())
      while (await this.#step(manual, end));
      manual.advanceTo(end)
      await settled(this.#activity())
    })
  }

  get isManual(): boolean {
    return this.#manual !== undefined
  }

  get manual(): ManualClock {
    if (!this.#manual) throw new Error("this cluster runs on the machine's clock: create it with clock: 'manual'")
    return this.#manual
  }

  /**
   * On a manual clock, the cluster's time passes as fast as it has come to rest each time. It is over when the real time
   * is as well: clients outside live in that.
   */
  start(ms: number, over: () => void): () => void {
    let isOver = false
    const passed = this.#manual && this.#pass(this.#manual, this.#manual.now() + ms, () => isOver).catch(whenStopped)
    const timer = setTimeout(async () => {
      await passed
      if (!isOver) over()
    }, ms)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }

  /** Moves from timer to timer until a time, or until it is called off. */
  async #pass(manual: ManualClock, end: number, isOver: () => boolean): Promise<void> {
    await this.#exclusively(async () => {
      await settled(this.#activity())
      while (!isOver() && (await this.#step(manual, end)));
      if (!isOver()) manual.advanceTo(end)
    })
  }

  /** Moves to the next timer that is due until `end`; false where there is none. */
  async #step(manual: ManualClock, end: number): Promise<boolean> {
    const { nextAt } = manual
    if (nextAt === undefined || nextAt > end) return false
    manual.advanceTo(nextAt)
    await settled(this.#activity())
    return true
  }

  async #exclusively(work: () => Promise<void>): Promise<void> {
    const moved = this.#moving.then(work)
    this.#moving = moved.catch(() => {})
    await moved
  }
}
