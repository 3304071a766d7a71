/** Fields of a wall clock. Months count from 1, days of the week from Sunday, 0. */
interface WallTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly weekday: number
}

const HOUR_MS = 3_600_000

/** The time of day in one time zone. Times are milliseconds since the epoch. */
export class ZonedTime {
  readonly #format: Intl.DateTimeFormat | undefined

  /** `zone`: an IANA name; 'Local' for the machine's own. Errors: RangeError for a zone that is not known. */
  constructor(zone: string) {
    if (zone === 'UTC' || zone === '') return
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(zone === 'Local' ? {} : { timeZone: zone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** Milliseconds that the zone is ahead of UTC at a time. */
  offsetAt(time: number): number {
    if (!this.#format) return 0
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(time)) parts[type] = Number(value)
    const { year, month, day, hour, minute, second } = parts as Record<string, number>
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000
  }

  wall(time: number): WallTime {
    const local = new Date(time + this.offsetAt(time))
    return {
      year: local.getUTCFullYear(),
      month: local.getUTCMonth() + 1,
      day: local.getUTCDate(),
      hour: local.getUTCHours(),
      minute: local.getUTCMinutes(),
      second: local.getUTCSeconds(),
      weekday: local.getUTCDay(),
    }
  }

  /** The time at which the clock shows this; one that is skipped or shown twice is taken as Go's time.Date takes it. */
  at(year: number, month: number, day: number, hour = 0): number {
    const asUtc = Date.UTC(year, month - 1, day, hour)
    const before = asUtc - this.offsetAt(asUtc - 12 * HOUR_MS)
    const after = asUtc - this.offsetAt(asUtc + 12 * HOUR_MS)
    if (before === after) return before
    return this.offsetAt(before) === asUtc - before ? before : after
  }

  /** RFC 3339 with the zone's offset. */
  format(time: number): string {
    const offset = this.offsetAt(time)
    const text = new Date(time + offset).toISOString().slice(0, 19)
    if (offset === 0) return `${text}Z`
    const minutes = Math.abs(offset) / 60_000
    const two = (n: number): string => String(Math.trunc(n)).padStart(2, '0')
    return `${text}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
  }
}
