import type { KeyRevision } from './key-revision.ts'

/**
 * Keeps the values of the most recent writes in memory, up to a number of bytes, so that the next write to the same
 * key and watches just behind the present need not ask the journal. First in, first out.
 */
export class ResidentValues {
  readonly #maxBytes: number
  #bytes = 0
  #records: KeyRevision[] = []
  /** Those before it are evicted; the array is cut now and then rather than on every eviction. */
  #head = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(record: KeyRevision): void {
    if (record.value === undefined) return
    this.#records.push(record)
    this.#bytes += record.size
    while (this.#bytes > this.#maxBytes) this.#evict()
    if (this.#head > 1024 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
  }

  #evict(): void {
    const record = this.#records[this.#head++]
    if (record === undefined) return
    this.#bytes -= record.size
    record.value = undefined
  }
}
