import { goQuote } from '../go-quote.ts'
import { DecodeError } from './json-text.ts'

/** Go's time.RFC3339: what metav1.Time reads and writes. */
const RFC3339 = '2006-01-02T15:04:05Z07:00'
/** metav1.RFC3339Micro. */
const RFC3339_MICRO = '2006-01-02T15:04:05.000000Z07:00'

/** A point in time to the nanosecond. */
export interface GoTime {
  /** Seconds since 1970. */
  readonly seconds: number
  readonly nanos: number
}

/** The zero of Go's time.Time, year 1: what unset times are. */
const ZERO_TIME_SECONDS = -62_135_596_800

/** Parses as metav1.Time does. Throws {@link DecodeError} with Go's words (time/format.go). */
export function parseTime(text: string): GoTime {
  return new TimeParser(text, RFC3339).parse(false)
}

/** Parses as metav1.MicroTime does: six digits of fraction are a must. */
export function parseMicroTime(text: string): GoTime {
  return new TimeParser(text, RFC3339_MICRO).parse(true)
}

/** `2026-01-02T03:04:05Z`: fractions are cut off. */
export function formatTime({ seconds }: GoTime): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** `2026-01-02T03:04:05.000006Z`. */
export function formatMicroTime({ seconds, nanos }: GoTime): string {
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0')
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, `.${micros}Z`)
}

const CANONICAL = /^[1-9]\d{3}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\dZ$/

/** The text that metav1.Time prints for what it reads; null for its zero. Texts in that form already are only checked. */
export function canonicalTime(text: string): string | null {
  if (CANONICAL.test(text)) {
    const ms = Date.parse(text)
    if (!Number.isNaN(ms) && Number(text.slice(8, 10)) <= 28) return text
  }
  const time = parseTime(text)
  return time.seconds === ZERO_TIME_SECONDS ? null : formatTime(time)
}

/** The same for metav1.MicroTime. */
export function canonicalMicroTime(text: string): string | null {
  const time = parseMicroTime(text)
  return time.seconds === ZERO_TIME_SECONDS && time.nanos === 0 ? null : formatMicroTime(time)
}

class TimeParser {
  readonly #text: string
  readonly #layout: string
  #rest: string

  constructor(text: string, layout: string) {
    this.#text = text
    this.#layout = layout
    this.#rest = text
  }

  parse(micros: boolean): GoTime {
    const year = this.#digits(4, '2006')
    this.#literal('-')
    const month = this.#ranged(2, '01', 1, 12, 'month')
    this.#literal('-')
    const day = this.#digits(2, '02')
    this.#literal('T')
    const hour = this.#ranged(2, '15', 0, 23, 'hour')
    this.#literal(':')
    const minute = this.#ranged(2, '04', 0, 59, 'minute')
    this.#literal(':')
    const second = this.#ranged(2, '05', 0, 59, 'second')
    const nanos = micros ? this.#microFraction() : this.#fraction()
    const offset = this.#zone()
    if (this.#rest !== '') throw this.#plain(`extra text: ${goQuote(this.#rest)}`)
    if (day < 1 || day > daysIn(year, month)) throw this.#plain('day out of range')
    const date = new Date(0)
    date.setUTCFullYear(year, month - 1, day)
    date.setUTCHours(hour, minute, second)
    return { seconds: date.getTime() / 1000 - offset, nanos }
  }

  #plain(what: string): DecodeError {
    return new DecodeError(`parsing time ${goQuote(this.#text)}: ${what}`)
  }

  #fail(element: string, rest = this.#rest): DecodeError {
    return new DecodeError(
      `parsing time ${goQuote(this.#text)} as ${goQuote(this.#layout)}: cannot parse ${goQuote(rest)} as ${goQuote(element)}`,
    )
  }

  #literal(char: string): void {
    if (!this.#rest.startsWith(char)) throw this.#fail(char)
    this.#rest = this.#rest.slice(1)
  }

  #digits(count: number, element: string): number {
    const text = this.#rest.slice(0, count)
    if (text.length < count || !/^\d+$/.test(text)) throw this.#fail(element)
    this.#rest = this.#rest.slice(count)
    return Number(text)
  }

  #ranged(count: number, element: string, low: number, high: number, name: string): number {
    const value = this.#digits(count, element)
    if (value < low || value > high) throw this.#plain(`${name} out of range`)
    return value
  }

  /** A fraction that the layout does not name is read all the same. */
  #fraction(): number {
    const m = /^[.,](\d+)/.exec(this.#rest)
    if (!m) return 0
    this.#rest = this.#rest.slice(m[0].length)
    return Number(m[1]!.slice(0, 9).padEnd(9, '0'))
  }

  #microFraction(): number {
    const m = /^[.,]\d{6}/.exec(this.#rest)
    if (!m) throw this.#fail('.000000')
    this.#rest = this.#rest.slice(7)
    return Number(m[0].slice(1)) * 1000
  }

  /** Seconds east of UTC. */
  #zone(): number {
    if (this.#rest.startsWith('Z')) {
      this.#rest = this.#rest.slice(1)
      return 0
    }
    const m = /^([+-])(\d\d):(\d\d)/.exec(this.#rest)
    if (!m) throw this.#fail('Z07:00')
    const [hours, minutes] = [Number(m[2]), Number(m[3])]
    if (hours > 24) throw this.#plain('time zone offset hour out of range')
    if (minutes > 60) throw this.#plain('time zone offset minute out of range')
    this.#rest = this.#rest.slice(m[0].length)
    return (m[1] === '-' ? -1 : 1) * (hours * 3600 + minutes * 60)
  }
}

function daysIn(year: number, month: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, 0)
  return date.getUTCDate()
}
