/** A small random generator (mulberry32) whose whole run follows from its seed. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}

/**
 * The seed of a test run. The suites draw the same cases each time, so that a failure is about a change and not about
 * luck; `SEED=random` explores new ones, `SEED=<number>` repeats a run (its tests print it).
 */
export function seedOfRun(): number {
  const given = process.env['SEED']
  if (given === 'random') return Math.floor(Math.random() * 2 ** 31) + 1
  const number = Number(given)
  return Number.isInteger(number) && number > 0 ? number : DEFAULT_SEED
}

const DEFAULT_SEED = 20_261_101
