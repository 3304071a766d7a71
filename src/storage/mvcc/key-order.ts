import { StorageError } from '../storage-error.ts'

const surrogates = /[\uD800-\uDFFF]/

/**
 * Compares keys by the bytes of their UTF-8, as etcd does.
 *
 * JavaScript compares UTF-16 code units, which is the same order until a code point above U+FFFF turns up. Kubernetes
 * keys have none, so the native comparison serves until {@link KeyOrder.admit} has met one. Switching is safe while
 * trees exist: both orders agree on every key admitted before.
 */
export class KeyOrder {
  #exact = false

  /** Must see every string before it is compared. Errors: `InvalidArgument` for a string with no UTF-8 form. */
  admit(key: string): void {
    if (this.#exact || surrogates.test(key)) {
      if (!isWellFormed(key)) {
        throw new StorageError('InvalidArgument', `key ${JSON.stringify(key)} is not valid Unicode`, { key })
      }
      this.#exact ||= surrogates.test(key)
    }
  }

  /** Bound, so that a tree can hold it. */
  readonly compare = (a: string, b: string): number => {
    if (this.#exact) return compareUtf8(a, b)
    return a < b ? -1 : a > b ? 1 : 0
  }

  /** Sorts admitted keys in place. */
  sort(keys: string[]): string[] {
    // Without a comparator V8 compares strings natively: a fifth of the time.
    return this.#exact ? keys.sort(compareUtf8) : keys.sort()
  }
}

/** The order of two strings' UTF-8 bytes, without encoding them. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Moves surrogates (code points above U+FFFF) behind every other code unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

function isWellFormed(key: string): boolean {
  for (const character of key) {
    if (character.length === 1 && surrogates.test(character)) return false
  }
  return true
}

/** The least string behind every string that begins with `prefix`; undefined where there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last >= 0x10ffff) continue
    const next = last === 0xd7ff ? 0xe000 : last + 1
    return String.fromCodePoint(...points, next)
  }
  return undefined
}
