import { BTree } from '../b-tree.ts'

/** Code units whose UTF-16 order differs from the order of their UTF-8 bytes. */
const FIRST_REORDERED = 0xd800
const REORDERED_ALL = /[\ud800-\uffff]/g

/**
 * A string that JavaScript's `<` orders as the UTF-8 bytes of `key` are ordered (which is how a store orders keys).
 * Surrogates trade places with U+E000–U+FFFF; any other key comes back as it is. Keeps prefixes: `orderKey(a + b)` is
 * `orderKey(a) + orderKey(b)`.
 */
function orderKey(key: string): string {
  for (let i = 0; i < key.length; i++)
    if (key.charCodeAt(i) >= FIRST_REORDERED) return key.replace(REORDERED_ALL, reorder)
  return key
}

function reorder(unit: string): string {
  const code = unit.charCodeAt(0)
  return String.fromCharCode(code < 0xe000 ? code + 0x2000 : code - 0x800)
}

/** Behind every well-formed key that begins with the prefix: no key goes on with a lone low surrogate. */
function behindPrefix(orderedPrefix: string): string {
  return `${orderedPrefix}\uffff`
}

function startWithin(orderedPrefix: string, start: string | undefined): string {
  const ordered = start === undefined ? orderedPrefix : orderKey(start)
  if (ordered < orderedPrefix) return orderedPrefix
  return ordered
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

type Tree<V> = InstanceType<typeof BTree<string, V>>

/** What {@link OrderedMap.collect} found. */
interface Collected<V> {
  readonly values: V[]
  /** The last value taken is not the last of the range that was looked at. */
  readonly more: boolean
}

interface CollectOptions<V> {
  readonly prefix: string
  /** First key (inclusive); unset: the first of the prefix. */
  readonly start?: string
  /** At most so many values; 0 or unset: all. */
  readonly limit?: number
  readonly filter?: (value: V) => boolean
}

/** A map in the byte order of its keys, whose clone costs O(1): both copies share nodes until one of them writes. */
export class OrderedMap<V> {
  readonly #tree: Tree<V>

  constructor(tree: Tree<V> = new BTree<string, V>(undefined, compare)) {
    this.#tree = tree
  }

  get size(): number {
    return this.#tree.size
  }

  get(key: string): V | undefined {
    return this.#tree.get(orderKey(key))
  }

  set(key: string, value: V): void {
    this.#tree.set(orderKey(key), value)
  }

  delete(key: string): boolean {
    return this.#tree.delete(orderKey(key))
  }

  clone(): OrderedMap<V> {
    return new OrderedMap(this.#tree.clone())
  }

  /** Every value in order: one pass over the leaves. */
  values(): V[] {
    return this.#tree.valuesArray()
  }

  /** Values of a prefix in order; costs what it passes over, not the size of the map. */
  collect(options: CollectOptions<V>): Collected<V> {
    const { filter, limit = 0 } = options
    const prefix = orderKey(options.prefix)
    const start = startWithin(prefix, options.start)
    const values: V[] = []
    let more = false
    const visit = (_key: string, value: V): { break: number } | undefined => {
      if (filter !== undefined && !filter(value)) return undefined
      if (limit > 0 && values.length === limit) {
        more = true
        return { break: 0 }
      }
      values.push(value)
      return undefined
    }
    this.#tree.forRange(start, behindPrefix(prefix), false, visit)
    return { values, more }
  }

  /** How many keys of the prefix stand at or behind `start`: counts leaves, not keys. */
  count(prefix: string, start?: string): number {
    const low = orderKey(prefix)
    return this.#tree.forRange(startWithin(low, start), behindPrefix(low), false)
  }
}
