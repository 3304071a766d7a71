import type { ByteBudget } from './byte-budget.ts'
import type { CacheEntry } from './cache-entry.ts'
import { type FrameMemo, type ObjectEventType, ObjectItem } from './watch-item.ts'

/** One write as the window keeps it: the state after it and the state before. */
export class CacheEvent<A = unknown, O = unknown> {
  readonly key: string
  readonly revision: number
  /** When the cache saw it, in the clock's milliseconds. */
  readonly seenAt: number
  /** Undefined for a delete. */
  readonly entry: CacheEntry<A, O> | undefined
  /** Undefined for a create. */
  readonly previous: CacheEntry<A, O> | undefined
  /** Bytes that the event keeps alive. */
  readonly size: number
  readonly #frames: ByteBudget<FrameMemo>
  #added: ObjectItem<A, O> | undefined
  #modified: ObjectItem<A, O> | undefined
  #deleted: ObjectItem<A, O> | undefined

  constructor(
    change: {
      readonly revision: number
      readonly seenAt: number
      readonly entry: CacheEntry<A, O> | undefined
      readonly previous: CacheEntry<A, O> | undefined
    },
    frames: ByteBudget<FrameMemo>,
  ) {
    this.key = (change.entry ?? (change.previous as CacheEntry<A, O>)).key
    this.revision = change.revision
    this.seenAt = change.seenAt
    this.entry = change.entry
    this.previous = change.previous
    this.size = (change.entry?.size ?? 0) + (change.previous?.size ?? 0)
    this.#frames = frames
  }

  /** The event as everyone without a filter sees it. */
  unfiltered(): ObjectItem<A, O> {
    if (this.entry === undefined) return this.#asDeleted()
    return this.previous === undefined ? this.#asAdded() : this.#asModified()
  }

  /**
   * The event as a filter sees it, undefined where it concerns neither state: an object that comes into the filter is
   * ADDED, one that leaves it is DELETED with its previous state.
   */
  filtered(passes: (entry: CacheEntry<A, O>) => boolean): ObjectItem<A, O> | undefined {
    const now = this.entry !== undefined && passes(this.entry)
    const before = this.previous !== undefined && passes(this.previous)
    if (now) return before ? this.#asModified() : this.#asAdded()
    return before ? this.#asDeleted() : undefined
  }

  #asAdded(): ObjectItem<A, O> {
    this.#added ??= this.#item('ADDED', this.entry as CacheEntry<A, O>)
    return this.#added
  }

  #asModified(): ObjectItem<A, O> {
    this.#modified ??= this.#item('MODIFIED', this.entry as CacheEntry<A, O>)
    return this.#modified
  }

  #asDeleted(): ObjectItem<A, O> {
    this.#deleted ??= this.#item('DELETED', (this.previous as CacheEntry<A, O>).at(this.revision))
    return this.#deleted
  }

  #item(type: ObjectEventType, entry: CacheEntry<A, O>): ObjectItem<A, O> {
    return new ObjectItem(type, entry, this.revision, { initial: false, frames: this.#frames })
  }
}
