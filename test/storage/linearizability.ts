/** What a client of one key did and learned, and when: `start` and `end` come from one counter, so they never tie. */
export interface KeyOperation {
  readonly start: number
  readonly end: number
  readonly call: string
  /** The key's state (0: absent, else its modRevision) that the operation takes it to; undefined: not from here. */
  apply(state: number): number | undefined
}

/**
 * Finds an order of the operations that respects real time (what ended before another began comes first) and in which
 * each answer follows from the state before it. Wing and Gong's search, with Lowe's memory of dead ends.
 */
export function isLinearizable(operations: readonly KeyOperation[], initial = 0): boolean {
  const sorted = [...operations].sort((a, b) => a.start - b.start)
  const dead = new Set<string>()

  function search(done: ReadonlySet<number>, first: number, state: number): boolean {
    while (done.has(first)) first++
    if (first >= sorted.length) return true
    const memory = `${state} ${first} ${[...done]
      .filter((i) => i > first)
      .sort((a, b) => a - b)
      .join()}`
    if (dead.has(memory)) return false
    for (const i of candidates(done, first)) {
      const next = sorted[i]?.apply(state)
      if (next !== undefined && search(new Set([...done].filter((d) => d >= first)).add(i), first, next)) return true
    }
    dead.add(memory)
    return false
  }

  /** Those that may come next: not done, and begun before every other open one ended. */
  function candidates(done: ReadonlySet<number>, first: number): number[] {
    const found: number[] = []
    let earliestEnd = Number.POSITIVE_INFINITY
    for (let i = first; i < sorted.length; i++) {
      const operation = sorted[i]
      if (operation === undefined || operation.start > earliestEnd) break
      if (done.has(i)) continue
      earliestEnd = Math.min(earliestEnd, operation.end)
      found.push(i)
    }
    return found.filter((i) => (sorted[i]?.start ?? 0) < earliestEnd)
  }

  return search(new Set(), 0, initial)
}
