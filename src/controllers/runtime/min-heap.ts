/** A binary heap: the item with the least key comes first; equal keys in no order. */
export class MinHeap<T> {
  readonly #keys: number[] = []
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** The least key; undefined where there is none. */
  get least(): number | undefined {
    return this.#keys[0]
  }

  push(key: number, item: T): void {
    const keys = this.#keys
    let at = keys.length
    keys.push(key)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (keys[parent]! <= keys[at]!) break
      this.#swap(at, parent)
      at = parent
    }
  }

  pop(): T | undefined {
    const last = this.#items.length - 1
    if (last < 0) return undefined
    this.#swap(0, last)
    this.#keys.pop()
    const item = this.#items.pop()
    this.#sink()
    return item
  }

  #sink(): void {
    const keys = this.#keys
    for (let at = 0; ; ) {
      const left = at * 2 + 1
      const right = left + 1
      let least = at
      if (left < keys.length && keys[left]! < keys[least]!) least = left
      if (right < keys.length && keys[right]! < keys[least]!) least = right
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const key = this.#keys[a]!
    const item = this.#items[a]!
    this.#keys[a] = this.#keys[b]!
    this.#items[a] = this.#items[b]!
    this.#keys[b] = key
    this.#items[b] = item
  }
}
