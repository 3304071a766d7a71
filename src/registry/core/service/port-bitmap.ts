/**
 * A set of small numbers as bits, in the byte order of Go's big.Int: the last byte holds the lowest eight.
 *
 * @see kubernetes pkg/registry/core/service/allocator/bitmap.go
 */
export class PortBitmap {
  readonly size: number
  readonly #bytes: Uint8Array

  /** `data`: what {@link toBytes} gave; bits beyond `size` are dropped. */
  constructor(size: number, data?: Uint8Array) {
    this.size = size
    this.#bytes = new Uint8Array(Math.ceil(size / 8))
    const given = data ?? new Uint8Array()
    for (let i = 0; i < Math.min(given.length, this.#bytes.length); i++) {
      this.#bytes[i] = given[given.length - 1 - i]!
    }
    const unused = this.#bytes.length * 8 - size
    if (unused > 0) this.#bytes[this.#bytes.length - 1]! &= 0xff >> unused
  }

  copy(): PortBitmap {
    return new PortBitmap(this.size, this.toBytes())
  }

  has(offset: number): boolean {
    return (this.#bytes[offset >> 3]! & (1 << (offset & 7))) !== 0
  }

  add(offset: number): void {
    this.#bytes[offset >> 3]! |= 1 << (offset & 7)
  }

  delete(offset: number): void {
    this.#bytes[offset >> 3]! &= ~(1 << (offset & 7))
  }

  *offsets(): Generator<number, void> {
    for (let offset = 0; offset < this.size; offset++) if (this.has(offset)) yield offset
  }

  /** Without leading zero bytes, as big.Int has it. */
  toBytes(): Uint8Array {
    let length = this.#bytes.length
    while (length > 0 && this.#bytes[length - 1] === 0) length--
    return this.#bytes.slice(0, length).reverse()
  }
}
