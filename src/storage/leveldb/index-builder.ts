import type { KeyRevision } from '../mvcc/key-revision.ts'
import { RevisionIndex } from '../mvcc/revision-index.ts'

/**
 * Makes the index of a store that is opened, from its log in revision order.
 *
 * Before the compacted revision the log has gaps and only each key's last write counts; from there on it must be
 * without a gap, and all of it counts.
 */
export class IndexBuilder {
  /** Records that compaction had given up but a crash left behind. */
  readonly garbage: KeyRevision[] = []
  readonly #compacted: number
  readonly #newest = new Map<string, KeyRevision>()
  readonly #history: KeyRevision[] = []
  /** The log still has the compacted revision itself, so that watches can start there. */
  #logged = false

  constructor(compacted: number) {
    this.#compacted = compacted
  }

  /** Where the revision line stands. */
  get current(): number {
    return this.#history.at(-1)?.revision ?? Math.max(1, this.#compacted)
  }

  newest(key: string): KeyRevision | undefined {
    return this.#newest.get(key)
  }

  /** Takes the next record in; false if revisions are missing before it. */
  take(record: KeyRevision): boolean {
    if (record.revision < this.#compacted) {
      this.#takePast(record)
      return true
    }
    if (record.revision === this.#compacted && this.#history.length === 0) this.#logged = true
    else if (record.revision !== this.current + 1) return false
    this.#history.push(record)
    this.#newest.set(record.key, record)
    return true
  }

  #takePast(record: KeyRevision): void {
    if (record.previous !== undefined) this.garbage.push(record.previous)
    record.previous = undefined
    if (record.deleted) {
      this.garbage.push(record)
      this.#newest.delete(record.key)
    } else {
      this.#newest.set(record.key, record)
    }
  }

  build(now: () => number): RevisionIndex {
    const compacted = this.#compacted
    const index = new RevisionIndex(now, {
      revision: this.#logged ? compacted - 1 : Math.max(1, compacted),
      compacted,
      historyStart: this.#logged || compacted <= 1 ? Math.max(1, compacted) : compacted + 1,
    })
    index.fill(this.#newest, this.#history)
    return index
  }
}
