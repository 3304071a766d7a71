/** A hold on a revision: what it shows stays physically there. */
export interface Pin {
  /** Says that the holder is alive. */
  touch(): void
  release(): void
}

interface Held {
  readonly revision: number
  touchedAt: number
}

/** How long a holder may rest before its pin no longer counts (a stream that nobody reads on). */
const idleMs = 60_000

/**
 * Readers that are under way and the revision each one reads at. Compaction forgets revisions at once but lets what
 * they show lie until no pin needs it. Few at a time, so a plain scan finds the oldest.
 */
export class Pins {
  readonly #held = new Set<Held>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  acquire(revision: number): Pin {
    const held: Held = { revision, touchedAt: this.#now() }
    this.#held.add(held)
    return {
      touch: () => {
        held.touchedAt = this.#now()
      },
      release: () => {
        this.#held.delete(held)
      },
    }
  }

  /** The oldest revision that a living reader needs; Infinity if there is none. */
  oldest(): number {
    let oldest = Number.POSITIVE_INFINITY
    const dead = this.#now() - idleMs
    for (const held of this.#held) {
      if (held.touchedAt >= dead) oldest = Math.min(oldest, held.revision)
    }
    return oldest
  }
}
