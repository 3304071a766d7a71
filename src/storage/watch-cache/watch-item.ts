import { ByteBudget } from './byte-budget.ts'
import type { CacheEntry } from './cache-entry.ts'

/** Encoded frames by representation: made once, shared by every watcher that wants the same one. */
export class FrameMemo {
  #frames: Map<string, Buffer> | undefined
  readonly #budget: ByteBudget<FrameMemo> | undefined

  /** Without a budget nothing is kept for longer than the item itself. */
  constructor(budget?: ByteBudget<FrameMemo>) {
    this.#budget = budget
  }

  /**
   * The frame for `representation` (type, version, media type: whatever tells frames apart), made by `make` the first
   * time. Frames of old items are dropped when their memory is needed, and would be made anew.
   */
  memo(representation: string, make: () => Buffer): Buffer {
    const known = this.#frames?.get(representation)
    if (known !== undefined) return known
    const frame = make()
    this.#frames ??= new Map()
    this.#frames.set(representation, frame)
    this.#budget?.add(this, frame.length)
    return frame
  }

  forgetFrames(): boolean {
    this.#frames = undefined
    return true
  }
}

/** A budget for the encoded frames of all caches of a group. */
export function frameBudget(maxBytes: number): ByteBudget<FrameMemo> {
  return new ByteBudget<FrameMemo>(maxBytes, (memo) => memo.forgetFrames())
}

export type ObjectEventType = 'ADDED' | 'MODIFIED' | 'DELETED'

/** One change as watchers see it; the same object for all that see it with the same type. */
export class ObjectItem<A = unknown, O = unknown> extends FrameMemo {
  readonly type: ObjectEventType
  /** State to send. Of DELETED the last state, at the revision of the delete (or of the change that hid it). */
  readonly entry: CacheEntry<A, O>
  readonly revision: number
  /** Part of the state a watch began with, not a change: made per watcher, so a memo on it would not be shared. */
  readonly initial: boolean

  constructor(
    type: ObjectEventType,
    entry: CacheEntry<A, O>,
    revision: number,
    options: { initial: boolean; frames?: ByteBudget<FrameMemo> },
  ) {
    super(options.frames)
    this.type = type
    this.entry = entry
    this.revision = revision
    this.initial = options.initial
  }
}

/** Tells a watcher that it has seen everything up to a revision. */
export class BookmarkItem extends FrameMemo {
  readonly type = 'BOOKMARK' as const
  readonly revision: number
  /** Closes the initial events of a watch-list: to be annotated `k8s.io/initial-events-end` (KEP-3157). */
  readonly initialEventsEnd: boolean

  constructor(revision: number, options: { initialEventsEnd: boolean }) {
    super()
    this.revision = revision
    this.initialEventsEnd = options.initialEventsEnd
  }
}

export type WatchItem<A = unknown, O = unknown> = ObjectItem<A, O> | BookmarkItem
