/** A map that forgets what was used longest ago once it is full. */
export class LruMap<K, V> {
  readonly #maxSize: number
  readonly #map = new Map<K, V>()

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get(key: K): V | undefined {
    const value = this.#map.get(key)
    if (value === undefined) return undefined
    this.#map.delete(key)
    this.#map.set(key, value)
    return value
  }

  set(key: K, value: V): void {
    this.#map.delete(key)
    this.#map.set(key, value)
    if (this.#map.size <= this.#maxSize) return
    for (const oldest of this.#map.keys()) {
      this.#map.delete(oldest)
      return
    }
  }
}
