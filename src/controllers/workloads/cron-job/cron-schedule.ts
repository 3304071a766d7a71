import { ZonedTime } from './zoned-time.ts'

/** When something is to happen again and again. */
export interface Schedule {
  /** The first time behind `time` (both milliseconds since the epoch); undefined where there is none within years. */
  next(time: number): number | undefined
}

interface Field {
  readonly values: ReadonlySet<number>
  /** `*`: the field asks for nothing. */
  readonly isStar: boolean
}

interface Bounds {
  readonly min: number
  readonly max: number
  readonly names: string
}

const BOUNDS: readonly Bounds[] = [
  { min: 0, max: 59, names: '' },
  { min: 0, max: 23, names: '' },
  { min: 1, max: 31, names: '' },
  { min: 1, max: 12, names: 'jan feb mar apr may jun jul aug sep oct nov dec' },
  { min: 0, max: 6, names: 'sun mon tue wed thu fri sat' },
]

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** How far a time is looked for: some schedules (31 February) never come. */
const MAX_YEARS = 5

/**
 * Reads a schedule of five fields, a descriptor or `@every`, with an optional `TZ=…` before it. Errors: throws where it
 * is none; the API server has looked at it more closely.
 *
 * @see github.com/robfig/cron v3, parser.go
 */
export function parseSchedule(text: string, zone: string): Schedule {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/s.exec(text)
  const spec = (zoned?.[2] ?? text).trim()
  const every = /^@every\s+(.+)$/.exec(spec)
  if (every) return new EverySchedule(durationMs(every[1]!))
  const fields = (DESCRIPTORS[spec] ?? spec).split(/\s+/)
  if (fields.length !== BOUNDS.length) {
    throw new Error(`expected exactly ${BOUNDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`)
  }
  const [minute, hour, day, month, weekday] = fields.map((field, i) => parseField(field, BOUNDS[i]!))
  return new FieldSchedule(
    { minute: minute!, hour: hour!, day: day!, month: month!, weekday: weekday! },
    zoned?.[1] ?? zone,
  )
}

function parseField(text: string, bounds: Bounds): Field {
  const values = new Set<number>()
  let isStar = false
  for (const part of text.split(',')) {
    const match = /^(?:([*?])|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/.exec(part)
    if (!match) throw new Error(`failed to parse int from ${part}`)
    const [, star, low, high, stepText] = match
    const step = stepText === undefined ? 1 : Number(stepText)
    if (step === 0) throw new Error(`step of range should be a positive number: ${part}`)
    const first = star ? bounds.min : fieldValue(low!, bounds)
    const isOpen = star || (high === undefined && stepText !== undefined)
    const last = isOpen ? bounds.max : high === undefined ? first : fieldValue(high, bounds)
    for (let value = first; value <= last; value += step) values.add(value)
    if (star && step === 1) isStar = true
  }
  return { values, isStar }
}

function fieldValue(text: string, { min, max, names }: Bounds): number {
  const named = names.split(' ').indexOf(text.toLowerCase())
  const value = named >= 0 && names !== '' ? named + min : Number(text)
  if (!Number.isInteger(value) || value < min || value > max) throw new Error(`failed to parse int from ${text}`)
  return value
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: MINUTE_MS,
  h: HOUR_MS,
}

function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map((p) => p[0]).join('') !== text)
    throw new Error(`failed to parse duration ${text}`)
  return parts.reduce((total, [, value, unit]) => total + Number(value) * UNITS[unit!]!, 0)
}

/** Every so many seconds. */
class EverySchedule implements Schedule {
  readonly #delayMs: number

  constructor(delayMs: number) {
    this.#delayMs = Math.max(1000, Math.trunc(delayMs / 1000) * 1000)
  }

  next(time: number): number {
    return Math.floor(time / 1000) * 1000 + this.#delayMs
  }
}

interface Fields {
  readonly minute: Field
  readonly hour: Field
  readonly day: Field
  readonly month: Field
  readonly weekday: Field
}

/** A schedule of five fields in a time zone. Hours that a clock change skips are skipped, those that it repeats come twice. */
class FieldSchedule implements Schedule {
  readonly #fields: Fields
  readonly #zone: ZonedTime

  constructor(fields: Fields, zone: string) {
    this.#fields = fields
    this.#zone = new ZonedTime(zone)
  }

  next(time: number): number | undefined {
    const zone = this.#zone
    // Whole minutes from the next one on: seconds of a schedule are always zero.
    let t = Math.floor(time / MINUTE_MS) * MINUTE_MS + MINUTE_MS
    const lastYear = zone.wall(t).year + MAX_YEARS
    for (;;) {
      const { year, month, day, hour, minute } = zone.wall(t)
      if (year > lastYear) return undefined
      if (!this.#fields.month.values.has(month))
        t = month === 12 ? zone.at(year + 1, 1, 1) : zone.at(year, month + 1, 1)
      else if (!this.#dayMatches(t)) t = zone.at(year, month, day + 1)
      // Hours and minutes go by as they do, whatever the clock shows.
      else if (!this.#fields.hour.values.has(hour)) t += HOUR_MS - minute * MINUTE_MS
      else if (!this.#fields.minute.values.has(minute)) t += MINUTE_MS
      else return t
    }
  }

  /** Where both days are restricted either of them is enough. */
  #dayMatches(time: number): boolean {
    const { day, weekday } = this.#fields
    const wall = this.#zone.wall(time)
    const matchesDay = day.values.has(wall.day)
    const matchesWeekday = weekday.values.has(wall.weekday)
    return day.isStar || weekday.isStar ? matchesDay && matchesWeekday : matchesDay || matchesWeekday
  }
}
