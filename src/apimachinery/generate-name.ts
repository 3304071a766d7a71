import { randomFillSync } from 'node:crypto'

/** Upstream's alphabet for generated suffixes: no vowels (no words), no 0 1 3 (no look-alikes). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
const SUFFIX_LENGTH = 5
/** A name is a DNS label at the least generous: 63 characters. */
const MAX_BASE_LENGTH = 63 - SUFFIX_LENGTH

/** `base`, cut where it is too long, with a random suffix of five characters (names.SimpleNameGenerator). */
export function generateName(base: string): string {
  return base.slice(0, MAX_BASE_LENGTH) + randomSuffix(SUFFIX_LENGTH)
}

/** Random characters of the alphabet of generated names. */
export function randomSuffix(length: number): string {
  let out = ''
  while (out.length < length) {
    const byte = randomByte()
    // 243 = 9 * 27: above it the letters would not be equally likely.
    if (byte < 243) out += ALPHABET[byte % ALPHABET.length]
  }
  return out
}

/** Asking the system for a few bytes costs as much as for many. */
const pool = Buffer.alloc(512)
let taken = pool.length

function randomByte(): number {
  if (taken === pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  return pool[taken++]!
}
