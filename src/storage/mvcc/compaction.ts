import type { Clock, Timer } from '../../apimachinery/clock.ts'

/** How much of the past a store keeps by itself. `false` switches a bound off. */
export interface CompactionOptions {
  /** Revisions older than this may go. Default: five minutes, as kube-apiserver's `--etcd-compaction-interval`. */
  readonly maxAgeMs?: number | false
  /** No more than about this many revisions (a tenth more now and then). Default: 50,000. */
  readonly maxRevisions?: number | false
}

const defaultMaxAgeMs = 5 * 60 * 1000
const defaultMaxRevisions = 50_000
/** The age is looked at this many times per `maxAgeMs`. */
const marksPerAge = 5

interface Mark {
  readonly at: number
  readonly revision: number
}

/**
 * Decides up to where history may be forgotten; the store does the forgetting. Age works with marks: every now and
 * then the present revision is noted with the time, and a mark that is old enough becomes the target.
 */
export class CompactionPolicy {
  readonly #clock: Clock
  readonly #maxAgeMs: number | false
  readonly #maxRevisions: number | false
  #marks: Mark[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, options: CompactionOptions = {}) {
    this.#clock = clock
    this.#maxAgeMs = options.maxAgeMs ?? defaultMaxAgeMs
    this.#maxRevisions = options.maxRevisions ?? defaultMaxRevisions
  }

  /** Looks at the age from now on; `compactTo` is called with each target. */
  start(currentRevision: () => number, compactTo: (revision: number) => void): void {
    const maxAgeMs = this.#maxAgeMs
    if (maxAgeMs === false) return
    const tick = (): void => {
      const now = this.#clock.now()
      this.#marks.push({ at: now, revision: currentRevision() })
      const old = this.#marks.filter((mark) => mark.at <= now - maxAgeMs)
      const target = old.at(-1)
      if (target !== undefined) {
        this.#marks = this.#marks.slice(old.length)
        compactTo(target.revision)
      }
      this.#timer = this.#clock.setTimer(tick, maxAgeMs / marksPerAge)
    }
    tick()
  }

  /** The target that the number of revisions asks for; undefined while there are not too many. */
  byCount(current: number, compacted: number): number | undefined {
    if (this.#maxRevisions === false) return undefined
    return current - compacted > this.#maxRevisions * 1.1 ? current - this.#maxRevisions : undefined
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
