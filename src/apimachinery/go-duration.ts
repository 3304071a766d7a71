const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** A Go duration (`5s`, `1h30m`) in milliseconds; undefined where it is none. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text)
  if (text === '0' || text === '+0' || text === '-0') return 0
  if (!match) return undefined
  let total = 0
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(value) * UNIT_MS[unit!]!
  }
  return match[1] === '-' ? -total : total
}

/**
 * What Go says of a text that {@link parseGoDuration} does not read.
 *
 * @see time.ParseDuration
 */
export function goDurationError(text: string): string {
  const quoted = quote(text)
  let rest = text.replace(/^[+-]/, '')
  while (rest !== '') {
    const number = /^(?:\d+(?:\.\d*)?|\.\d+)/.exec(rest)
    if (!number) break
    rest = rest.slice(number[0].length)
    const unit = /^[^.\d]*/.exec(rest)![0]
    if (unit === '') return `time: missing unit in duration ${quoted}`
    if (!Object.hasOwn(UNIT_MS, unit)) return `time: unknown unit ${quote(unit)} in duration ${quoted}`
    rest = rest.slice(unit.length)
  }
  return `time: invalid duration ${quoted}`
}

/** The time package's own quotes: everything that is not printable ASCII byte by byte. */
function quote(text: string): string {
  let quoted = ''
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte)
    if (char === '"' || char === '\\') quoted += `\\${char}`
    else quoted += byte >= 0x20 && byte < 0x80 ? char : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return `"${quoted}"`
}

/** Milliseconds as Go prints a duration: `1h0m5s`, `1.5s`, `20ms`, `0s`. */
export function formatGoDuration(ms: number): string {
  if (ms < 0) return `-${formatGoDuration(-ms)}`
  if (ms === 0) return '0s'
  if (ms < 1e-3) return `${Math.round(ms * 1e6)}ns`
  if (ms < 1) return `${round(ms * 1e3)}µs`
  if (ms < 1000) return `${round(ms)}ms`
  const seconds = round((ms % 60_000) / 1000)
  const minutes = Math.floor(ms / 60_000)
  if (minutes === 0) return `${seconds}s`
  const hours = Math.floor(minutes / 60)
  return hours === 0 ? `${minutes}m${seconds}s` : `${hours}h${minutes % 60}m${seconds}s`
}

/** To the nanosecond that Go counts in: no digits that only the floating point has. */
const round = (value: number): number => Number(value.toFixed(9))
