import { BTree } from '../b-tree.ts'
import type { KeyRevision } from './key-revision.ts'

/** The live records that will go away by themselves, soonest first. Holds exactly those: superseded ones are removed. */
export class ExpiryQueue {
  readonly #records = new BTree<KeyRevision, undefined>(
    undefined,
    (a, b) => a.expiresAt - b.expiresAt || a.revision - b.revision,
  )

  get size(): number {
    return this.#records.size
  }

  /** Follows one write: the record before it needs no more watching, the new one may. */
  apply(record: KeyRevision): void {
    const previous = record.previous
    if (previous !== undefined && previous.expiresAt !== 0) this.#records.delete(previous)
    if (record.expiresAt !== 0) this.#records.set(record, undefined)
  }

  add(record: KeyRevision): void {
    this.#records.set(record, undefined)
  }

  has(record: KeyRevision): boolean {
    return this.#records.has(record)
  }

  /** All, soonest first; not to be held across writes. */
  records(): Iterable<KeyRevision> {
    return this.#records.keys()
  }

  /** When the next one is due, in milliseconds since the epoch; undefined if none is. */
  nextAt(): number | undefined {
    return this.#records.minKey()?.expiresAt
  }

  /** All that are due, soonest first. They stay in the queue until their delete is applied. */
  due(now: number): KeyRevision[] {
    const due: KeyRevision[] = []
    for (const record of this.#records.keys()) {
      if (record.expiresAt > now) break
      due.push(record)
    }
    return due
  }
}
