import type { Labels, Sample } from './exposition.ts'
import { Histogram } from './histogram.ts'

/** One value for each combination of label values that was seen; the names of the labels stand in their order. */
class Vector<T> {
  readonly #names: readonly string[]
  readonly #make: () => T
  readonly #members = new Map<string, { readonly labels: Labels; value: T }>()

  constructor(names: readonly string[], make: () => T) {
    this.#names = names
    this.#make = make
  }

  protected member(values: readonly string[]): { value: T } {
    const key = values.join('\n')
    let member = this.#members.get(key)
    if (!member) {
      const labels = Object.fromEntries(this.#names.map((name, i) => [name, values[i]!]))
      member = { labels, value: this.#make() }
      this.#members.set(key, member)
    }
    return member
  }

  protected members(): Iterable<{ readonly labels: Labels; readonly value: T }> {
    return this.#members.values()
  }
}

/** Counters by their labels. Values must come from a bounded set. */
export class CounterVector extends Vector<number> {
  constructor(names: readonly string[]) {
    super(names, () => 0)
  }

  increment(...values: readonly string[]): void {
    this.member(values).value++
  }

  samples(): Iterable<Sample> {
    return this.members()
  }
}

/** Histograms by their labels. Values must come from a bounded set. */
export class HistogramVector extends Vector<Histogram> {
  constructor(names: readonly string[], bounds: readonly number[]) {
    super(names, () => new Histogram(bounds))
  }

  /** The histogram of these labels, which callers may keep. */
  of(...values: readonly string[]): Histogram {
    return this.member(values).value
  }

  *samples(): Generator<Sample> {
    for (const { labels, value } of this.members()) yield* value.samples(labels)
  }

  /** How many values there were. */
  *counts(): Generator<Sample> {
    for (const { labels, value } of this.members()) yield { labels, value: value.count }
  }

  /** Sum and count alone, as a summary without quantiles has them. */
  *totals(): Generator<Sample> {
    for (const { labels, value } of this.members()) yield* value.totals(labels)
  }
}
