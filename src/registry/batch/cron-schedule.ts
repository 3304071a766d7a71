import { goQuote } from '../../apimachinery/go-quote.ts'
import { isTimeZone } from './time-zone.ts'

/** A schedule that does not parse; the message is upstream's. */
export class CronScheduleError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CronScheduleError'
  }
}

interface Bounds {
  readonly min: number
  readonly max: number
  readonly names: readonly string[]
}

const MONTH_NAMES = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAY_NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Minute, hour, day of month, month, day of week. Names count from the lower bound. */
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: MONTH_NAMES },
  { min: 0, max: 6, names: DAY_NAMES },
]

const DESCRIPTORS: ReadonlySet<string> = new Set([
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
])

/** Go's strconv.Atoi, no sign but `-` and `+`; digits beyond an int64 are out of range. */
function parseInteger(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text)) {
    const why = `strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`
    throw new CronScheduleError(`failed to parse int from ${text}: ${why}`)
  }
  const value = BigInt(text.replace('+', ''))
  if (value > 2n ** 63n - 1n || value < -(2n ** 63n)) {
    const why = `strconv.Atoi: parsing ${goQuote(text)}: value out of range`
    throw new CronScheduleError(`failed to parse int from ${text}: ${why}`)
  }
  if (value < 0n) throw new CronScheduleError(`negative number (${value}) not allowed: ${text}`)
  return Number(value)
}

function parseIntegerOrName(text: string, { min, names }: Bounds): number {
  const position = names.indexOf(text.toLowerCase())
  return position >= 0 ? position + min : parseInteger(text)
}

/** One of the comma-separated parts of a field: `*`, `5`, `1-5`, each with an optional `/step`. */
function checkRange(range: string, bounds: Bounds): void {
  const [lowAndHigh, step, ...moreSteps] = range.split('/')
  const [low, high, ...moreHyphens] = lowAndHigh!.split('-')
  let start = bounds.min
  let end = bounds.max
  if (low !== '*' && low !== '?') {
    start = parseIntegerOrName(low!, bounds)
    if (moreHyphens.length > 0) throw new CronScheduleError(`too many hyphens: ${range}`)
    end = high === undefined ? start : parseIntegerOrName(high, bounds)
  }
  if (moreSteps.length > 0) throw new CronScheduleError(`too many slashes: ${range}`)
  const stepValue = step === undefined ? 1 : parseInteger(step)
  if (step !== undefined && high === undefined) end = bounds.max
  if (start < bounds.min) {
    throw new CronScheduleError(`beginning of range (${start}) below minimum (${bounds.min}): ${range}`)
  }
  if (end > bounds.max) throw new CronScheduleError(`end of range (${end}) above maximum (${bounds.max}): ${range}`)
  if (start > end) throw new CronScheduleError(`beginning of range (${start}) beyond end of range (${end}): ${range}`)
  if (stepValue === 0) throw new CronScheduleError(`step of range should be a positive number: ${range}`)
}

/** Without the leading `TZ=…` or `CRON_TZ=…`. */
function stripTimeZone(schedule: string): string {
  if (!schedule.startsWith('TZ=') && !schedule.startsWith('CRON_TZ=')) return schedule
  const from = schedule.indexOf('=') + 1
  const to = schedule.indexOf(' ')
  // Upstream's parser slices with -1 here and panics; the API server turns the panic into this message.
  if (to < 0) throw new CronScheduleError(`invalid schedule format: runtime error: slice bounds out of range [:-1]`)
  const zone = schedule.slice(from, to)
  if (!isTimeZone(zone)) throw new CronScheduleError(`provided bad location ${zone}: unknown time zone ${zone}`)
  return schedule.slice(to).trim()
}

const DURATION = /^[+-]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)$/

/** Go's time.ParseDuration, as far as its errors go. */
function checkDuration(text: string): string | undefined {
  if (DURATION.test(text)) return undefined
  if (/^[+-]?(?:[0-9.]+[a-zµμ]+)*[0-9.]*[0-9][0-9.]*$/.test(text))
    return `time: missing unit in duration ${goQuote(text)}`
  const unknownUnit = /^[+-]?(?:[0-9.]+(?:ns|us|µs|μs|ms|s|m|h))*[0-9.]+([^0-9.]+)/.exec(text)?.[1]
  if (unknownUnit !== undefined) return `time: unknown unit ${goQuote(unknownUnit)} in duration ${goQuote(text)}`
  return `time: invalid duration ${goQuote(text)}`
}

function checkDescriptor(descriptor: string): void {
  if (DESCRIPTORS.has(descriptor)) return
  const every = '@every '
  if (!descriptor.startsWith(every)) throw new CronScheduleError(`unrecognized descriptor: ${descriptor}`)
  const problem = checkDuration(descriptor.slice(every.length))
  if (problem) throw new CronScheduleError(`failed to parse duration ${descriptor}: ${problem}`)
}

/**
 * Checks a schedule as github.com/robfig/cron's ParseStandard reads it: five fields or a descriptor, with an optional
 * time zone before it.
 *
 * @throws {CronScheduleError}
 */
export function checkCronSchedule(schedule: string): void {
  if (schedule === '') throw new CronScheduleError('empty spec string')
  const spec = stripTimeZone(schedule)
  if (spec.startsWith('@')) checkDescriptor(spec)
  else checkFields(spec)
}

function checkFields(spec: string): void {
  const fields = spec.split(/\s+/u).filter((field) => field !== '')
  if (fields.length !== FIELDS.length) {
    const found = `found ${fields.length}: [${fields.join(' ')}]`
    throw new CronScheduleError(`expected exactly ${FIELDS.length} fields, ${found}`)
  }
  for (const [i, bounds] of FIELDS.entries()) {
    for (const range of fields[i]!.split(',')) if (range !== '') checkRange(range, bounds)
  }
}
