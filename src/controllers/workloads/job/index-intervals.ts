/** Indexes from first to last, both included. */
interface Interval {
  readonly first: number
  readonly last: number
}

/**
 * A set of completion indexes, kept as intervals in order: `0-2,5` in a Job's status.
 *
 * @see kubernetes pkg/controller/job/indexed_job_utils.go
 */
export class IndexSet {
  readonly intervals: readonly Interval[]

  private constructor(intervals: readonly Interval[]) {
    this.intervals = intervals
  }

  static readonly EMPTY = new IndexSet([])

  /** Reads a status; what is broken is left out, what lies beyond the completions is cut off. */
  static parse(text: string | undefined, completions: number): IndexSet {
    const intervals: Interval[] = []
    for (const part of (text ?? '').split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part)
      if (!match) continue
      const first = Number(match[1])
      if (first >= completions) break
      const last = match[2] === undefined ? first : Math.min(Number(match[2]), completions - 1)
      const before = intervals.at(-1)
      if (before && before.last === first - 1) intervals[intervals.length - 1] = { first: before.first, last }
      else intervals.push({ first, last })
    }
    return new IndexSet(intervals)
  }

  static of(indexes: Iterable<number>): IndexSet {
    return IndexSet.#joined([...indexes].map((index) => ({ first: index, last: index })))
  }

  get size(): number {
    return this.intervals.reduce((total, { first, last }) => total + last - first + 1, 0)
  }

  has(index: number): boolean {
    return this.intervals.some(({ first, last }) => first <= index && index <= last)
  }

  union(other: IndexSet): IndexSet {
    return IndexSet.#joined([...this.intervals, ...other.intervals])
  }

  /** How many indexes both have. */
  overlap(other: IndexSet): number {
    let count = 0
    for (const a of this.intervals) {
      for (const b of other.intervals) {
        count += Math.max(0, Math.min(a.last, b.last) - Math.max(a.first, b.first) + 1)
      }
    }
    return count
  }

  /** The lowest indexes that are not in the set, at most `count` of them, below `completions`. */
  firstMissing(count: number, completions: number): number[] {
    const missing: number[] = []
    let candidate = 0
    for (const { first, last } of [...this.intervals, { first: completions, last: completions }]) {
      for (; candidate < Math.min(first, completions) && missing.length < count; candidate++) missing.push(candidate)
      candidate = Math.max(candidate, last + 1)
    }
    return missing
  }

  toString(): string {
    return this.intervals
      .map(({ first, last }) => {
        if (first === last) return String(first)
        return `${first}${last === first + 1 ? ',' : '-'}${last}`
      })
      .join(',')
  }

  static #joined(intervals: readonly Interval[]): IndexSet {
    const joined: Interval[] = []
    for (const { first, last } of intervals.toSorted((a, b) => a.first - b.first)) {
      const before = joined.at(-1)
      if (!before || first > before.last + 1) joined.push({ first, last })
      else if (before.last < last) joined[joined.length - 1] = { first: before.first, last }
    }
    return new IndexSet(joined)
  }
}
