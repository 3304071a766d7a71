import type { Labels, Sample } from './exposition.ts'

/** How often values fell below each of some bounds. Observing costs a few comparisons. */
export class Histogram {
  readonly #bounds: readonly number[]
  /** One more than there are bounds: the last is for values above all of them. */
  readonly #counts: Float64Array
  #sum = 0
  #count = 0

  /** `bounds` ascend. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  /** How many values there were. */
  get count(): number {
    return this.#count
  }

  observe(value: number): void {
    let at = 0
    while (at < this.#bounds.length && value > this.#bounds[at]!) at++
    this.#counts[at]!++
    this.#sum += value
    this.#count++
  }

  *samples(labels: Labels): Generator<Sample> {
    let below = 0
    for (const [i, bound] of this.#bounds.entries()) {
      below += this.#counts[i]!
      yield { labels, le: String(bound), value: below, suffix: '_bucket' }
    }
    below += this.#counts[this.#bounds.length]!
    yield { labels, le: '+Inf', value: below, suffix: '_bucket' }
    yield* this.totals(labels)
  }

  *totals(labels: Labels): Generator<Sample> {
    yield { labels, value: this.#sum, suffix: '_sum' }
    yield { labels, value: this.#count, suffix: '_count' }
  }
}
