import type { CacheEntry } from './cache-entry.ts'
import type { EventWindow } from './event-window.ts'
import type { OrderedMap } from './ordered-map.ts'

/** States kept for lists that go on page by page; each costs only what has changed since. */
const MAX_KEPT = 16
/** Undoing more events than this would hold up the event loop: the store answers instead. */
const MAX_UNDO = 10_000

type State<A, O> = OrderedMap<CacheEntry<A, O>>

/**
 * States of the recent past. A state is named by a position in the event window: it holds what the events before that
 * position made. Kept as O(1) clones where somebody is going to ask again, else made by undoing events.
 */
export class StateHistory<A = unknown, O = unknown> {
  #kept = new Map<number, State<A, O>>()

  /** Keeps the present state under its position. */
  keep(position: number, state: State<A, O>): void {
    if (this.#kept.has(position)) return
    this.#kept.set(position, state.clone())
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value as number)
  }

  /** Forgets what stands before the window's start: nobody can name its revision any more. */
  dropBefore(position: number): void {
    for (const kept of this.#kept.keys()) if (kept < position) this.#kept.delete(kept)
  }

  clear(): void {
    this.#kept.clear()
  }

  /** The state before the event at `position`; undefined where making it would cost too much. */
  at(position: number, window: EventWindow<A, O>, present: State<A, O>): State<A, O> | undefined {
    if (position === window.end) return present
    const known = this.#kept.get(position)
    if (known !== undefined) {
      this.#kept.delete(position)
      this.#kept.set(position, known)
      return known
    }
    let from = window.end
    let nearest = present
    for (const [kept, state] of this.#kept) {
      if (kept > position && kept < from) {
        from = kept
        nearest = state
      }
    }
    if (from - position > MAX_UNDO) return undefined
    const state = nearest.clone()
    for (let p = from - 1; p >= position; p--) {
      const { key, previous } = window.at(p)
      if (previous === undefined) state.delete(key)
      else state.set(key, previous)
    }
    this.keep(position, state)
    return state
  }
}
