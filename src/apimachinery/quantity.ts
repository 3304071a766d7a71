/** How a quantity was written, and so how it is printed: `12Mi`, `12M` or `12e6`. */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent'

/** A text that is no quantity; the message is upstream's. */
export class QuantityError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QuantityError'
  }
}

const FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const NUMERIC = 'unable to parse numeric part of quantity'
const SUFFIX = "unable to parse quantity's suffix"

const DECIMAL_SUFFIXES: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
])
const DECIMAL_SUFFIX_OF: ReadonlyMap<number, string> = new Map([...DECIMAL_SUFFIXES].map(([s, e]) => [e, s]))
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)
/** The finest step that a quantity keeps: 10^-9; finer values are rounded away from zero. */
const NANO = -9
/** Digits that always fit an int64: what upstream's fast path takes. */
const MAX_INT64_DIGITS = 18
/** Arithmetic treats a larger power of ten as this one: all such values are far beyond an int64 anyway. */
const MAX_SCALE = 400

/**
 * An exact decimal number with the format that it was written in: `unscaled` × 10^`scale`. Immutable.
 *
 * @see apimachinery pkg/api/resource/quantity.go
 */
export class Quantity {
  readonly unscaled: bigint
  readonly scale: number
  readonly format: QuantityFormat
  #text: string | undefined

  /** `text`: what {@link toString} is to print, where it is known already. */
  constructor(unscaled: bigint, scale: number, format: QuantityFormat, text?: string) {
    this.unscaled = unscaled
    this.scale = scale
    this.format = format
    this.#text = text
  }

  static of(value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(value), 0, format)
  }

  static ofMilli(value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(value), -3, format)
  }

  isZero(): boolean {
    return this.unscaled === 0n
  }

  sign(): -1 | 0 | 1 {
    return this.unscaled === 0n ? 0 : this.unscaled > 0n ? 1 : -1
  }

  cmp(other: Quantity): -1 | 0 | 1 {
    const sign = this.sign()
    if (sign !== other.sign()) return sign < other.sign() ? -1 : 1
    if (sign === 0) return 0
    const magnitude = this.#magnitude() - other.#magnitude()
    if (magnitude !== 0) return magnitude > 0 === sign > 0 ? 1 : -1
    // Equal magnitudes: the scales differ by no more than the digits there are.
    const scale = Math.min(this.scale, other.scale)
    const a = shiftUp(this.unscaled, this.scale - scale)
    const b = shiftUp(other.unscaled, other.scale - scale)
    return a === b ? 0 : a < b ? -1 : 1
  }

  equals(other: Quantity): boolean {
    return this.cmp(other) === 0
  }

  /** The sum, in this quantity's format (the other's where this one is zero). */
  add(other: Quantity): Quantity {
    const a = Math.min(this.scale, MAX_SCALE)
    const b = Math.min(other.scale, MAX_SCALE)
    const scale = Math.min(a, b)
    const sum = shiftUp(this.unscaled, a - scale) + shiftUp(other.unscaled, b - scale)
    return new Quantity(sum, scale, this.isZero() ? other.format : this.format)
  }

  sub(other: Quantity): Quantity {
    return this.add(other.neg())
  }

  neg(): Quantity {
    return new Quantity(-this.unscaled, this.scale, this.format)
  }

  /**
   * The value in units of 10^`scale`, rounded away from zero; 0 where it does not fit an int64, as upstream's
   * ScaledValue answers.
   */
  scaledValue(scale: number): bigint {
    const value = this.scale < scale ? roundUp(this.unscaled, scale - this.scale) : this.#multipliedTo(scale)
    return value > MAX_INT64 || value < MIN_INT64 ? 0n : value
  }

  /** Whole units, rounded away from zero; exact up to 2^53, near above. */
  value(): number {
    return Number(this.scaledValue(0))
  }

  /** Thousandths, rounded away from zero; exact up to 2^53, near above. */
  milliValue(): number {
    return Number(this.scaledValue(-3))
  }

  /** The same value at a precision no finer than 10^`scale`, rounded away from zero. */
  roundUp(scale: number): Quantity {
    if (this.scale >= scale) return this
    return new Quantity(roundUp(this.unscaled, scale - this.scale), scale, this.format)
  }

  /** Canonical text: no fraction, the largest suffix that leaves a whole number. */
  toString(): string {
    this.#text ??= this.#canonical()
    return this.#text
  }

  toJSON(): string {
    return this.toString()
  }

  /** Position of the leading digit. */
  #magnitude(): number {
    const digits = this.unscaled < 0n ? -this.unscaled : this.unscaled
    return digits.toString().length + this.scale
  }

  #multipliedTo(scale: number): bigint {
    return shiftUp(this.unscaled, Math.min(this.scale - scale, MAX_SCALE))
  }

  #canonical(): string {
    if (this.unscaled === 0n) return '0'
    if (this.format === 'BinarySI') {
      const binary = this.#canonicalBinary()
      if (binary !== undefined) return binary
    }
    let { unscaled, scale } = this
    while (unscaled % 10n === 0n) {
      unscaled /= 10n
      scale++
    }
    const beyond = ((scale % 3) + 3) % 3
    unscaled = shiftUp(unscaled, beyond)
    scale -= beyond
    if (this.format === 'DecimalExponent') return scale === 0 ? String(unscaled) : `${unscaled}e${scale}`
    return `${unscaled}${DECIMAL_SUFFIX_OF.get(scale) ?? ''}`
  }

  /** Undefined for what upstream prints in decimal: less than 1024, or not whole. */
  #canonicalBinary(): string | undefined {
    if (this.scale > MAX_SCALE) return undefined
    let whole = this.scale >= 0 ? shiftUp(this.unscaled, this.scale) : roundUp(this.unscaled, -this.scale)
    if (whole > -1024n && whole < 1024n) return undefined
    if (this.scale < 0 && shiftUp(whole, -this.scale) !== this.unscaled) return undefined
    let power = 0
    while (whole % 1024n === 0n) {
      whole /= 1024n
      power++
    }
    return `${whole}${BINARY_SUFFIXES[power] ?? ''}`
  }
}

function shiftUp(value: bigint, digits: number): bigint {
  return digits === 0 ? value : value * 10n ** BigInt(digits)
}

/** `value` / 10^`digits`, rounded away from zero. */
function roundUp(value: bigint, digits: number): bigint {
  if (value === 0n) return 0n
  if (digits > value.toString().length) return value > 0n ? 1n : -1n
  const divisor = 10n ** BigInt(digits)
  const quotient = value / divisor
  if (quotient * divisor === value) return quotient
  return value > 0n ? quotient + 1n : quotient - 1n
}

/** Two patterns, each linear in the text's length whatever it holds. */
const NUMBER = /^([+-]?)([0-9]*)(?:\.([0-9]*))?/
const SUFFIX_SHAPE = /^[eEinumkKMGTP]*[-+]?[0-9]*$/
const LEADING_ZEROS = /^0+/

interface Suffix {
  readonly exponent: number
  readonly format: QuantityFormat
}

function interpretSuffix(suffix: string): Suffix | undefined {
  const decimal = DECIMAL_SUFFIXES.get(suffix)
  if (decimal !== undefined) return { exponent: decimal, format: 'DecimalSI' }
  const power = BINARY_SUFFIXES.indexOf(suffix as (typeof BINARY_SUFFIXES)[number])
  if (power > 0) return { exponent: power * 10, format: 'BinarySI' }
  if (!/^[eE][-+]?[0-9]+$/.test(suffix)) return undefined
  const parsed = BigInt(suffix[1] === '+' ? suffix.slice(2) : suffix.slice(1))
  if (parsed > MAX_INT64 || parsed < MIN_INT64) return undefined
  return { exponent: Number(BigInt.asIntN(32, parsed)), format: 'DecimalExponent' }
}

/** Quantities by their texts: few of them stand in most objects. Emptied when there are many. */
const known = new Map<string, Quantity>()
const MAX_KNOWN = 1_000
const MAX_KNOWN_LENGTH = 16

/** Reads a quantity. @throws {QuantityError} with upstream's message. */
export function parseQuantity(text: string): Quantity {
  if (text.length > MAX_KNOWN_LENGTH) return parse(text)
  let quantity = known.get(text)
  if (quantity === undefined) {
    quantity = parse(text)
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(text, quantity)
  }
  return quantity
}

function parse(text: string): Quantity {
  if (text === '0') return new Quantity(0n, 0, 'DecimalSI', text)
  const match = NUMBER.exec(text)!
  const rest = text.slice(match[0].length)
  if (text === '' || !SUFFIX_SHAPE.test(rest)) throw new QuantityError(FORMAT_WRONG)
  const num = match[2]!.replace(LEADING_ZEROS, '') || '0'
  const denom = match[3] ?? ''
  const suffix = interpretSuffix(rest)
  if (!suffix) throw new QuantityError(SUFFIX)
  const { exponent, format } = suffix
  const digits = num + denom
  if (digits.length > MAX_DIGITS) throw new QuantityError(NUMERIC)
  // Upstream's fast path takes a lone point for 0, its slow one does not.
  const hasDigits = match[2] !== '' || denom !== ''
  let unscaled = BigInt(digits)
  if (match[1] === '-') unscaled = -unscaled

  if (format === 'BinarySI') {
    const multiplied = unscaled << BigInt(exponent)
    const precision = denom === '' ? 14 - num.length - Math.floor((exponent * 3) / 10) : -1
    if (precision >= 0) return new Quantity(multiplied, 0, format, (BigInt(digits) & 7n) !== 0n ? text : undefined)
    if (!hasDigits) throw new QuantityError(NUMERIC)
    return roundedToNano(multiplied, -denom.length, format)
  }
  const scale = exponent - denom.length
  if (digits.length <= MAX_INT64_DIGITS && scale >= NANO) {
    const asWritten = scale % 3 === 0 && !digits.endsWith('000') && digits[0] !== '0'
    return new Quantity(unscaled, scale, format, asWritten ? text : undefined)
  }
  if (!hasDigits) throw new QuantityError(NUMERIC)
  return roundedToNano(unscaled, scale, format)
}

/** Longest numeric part that is read: quadratic cost beyond; upstream's body limits keep such texts out as well. */
const MAX_DIGITS = 100_000

/** Upstream's slow path: rounds to the finest step, caps binary quantities at the largest int64. */
function roundedToNano(unscaled: bigint, scale: number, format: QuantityFormat): Quantity {
  if (scale < NANO) {
    unscaled = roundUp(unscaled, NANO - scale)
    scale = NANO
  }
  if (format !== 'BinarySI') return new Quantity(unscaled, scale, format)
  const positive = unscaled < 0n ? -unscaled : unscaled
  const one = 10n ** BigInt(-scale)
  if (positive > MAX_INT64 * one) return new Quantity(unscaled < 0n ? -MAX_INT64 : MAX_INT64, 0, format)
  return new Quantity(unscaled, scale, positive > 0n && positive < one ? 'DecimalSI' : format)
}

/** Texts that are their own canonical form, by far the most: no parse needed. */
const CANONICAL = /^(?:0|[1-9][0-9]{0,2}(?:[munkMGTPE]|[KMG]i)?)$/

/**
 * What a decoded quantity is printed as. A JSON number counts as its text.
 *
 * @throws {QuantityError} with upstream's message
 */
export function canonicalQuantity(text: string): string {
  return CANONICAL.test(text) ? text : parseQuantity(text.trim()).toString()
}
