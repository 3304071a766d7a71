/** How a {@link ByteBudget} takes something back. `false`: it was in use lately, ask once more; then it must be true. */
type Reclaim<T> = (owner: T) => boolean

/**
 * Bounds what can be made again (parsed objects, encoded frames): first in, first reclaimed, with a second chance.
 * Holds its owners until their bytes are pushed out by newer ones.
 */
export class ByteBudget<T> {
  readonly #maxBytes: number
  readonly #reclaim: Reclaim<T>
  #owners: T[] = []
  #sizes: number[] = []
  #head = 0
  #bytes = 0

  constructor(maxBytes: number, reclaim: Reclaim<T>) {
    this.#maxBytes = maxBytes
    this.#reclaim = reclaim
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Books `bytes` for the owner and reclaims older ones until the total fits again. */
  add(owner: T, bytes: number): void {
    this.#push(owner, bytes)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes && this.#head < this.#owners.length) {
      const oldest = this.#owners[this.#head] as T
      const size = this.#sizes[this.#head] as number
      this.#head++
      if (this.#reclaim(oldest)) this.#bytes -= size
      else this.#push(oldest, size)
    }
    if (this.#head > 1024 && this.#head * 2 > this.#owners.length) this.#compact()
  }

  #push(owner: T, bytes: number): void {
    this.#owners.push(owner)
    this.#sizes.push(bytes)
  }

  #compact(): void {
    this.#owners = this.#owners.slice(this.#head)
    this.#sizes = this.#sizes.slice(this.#head)
    this.#head = 0
  }
}
