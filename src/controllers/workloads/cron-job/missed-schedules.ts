import { parseTime } from '../../../apimachinery/clock.ts'
import type { CronJob } from '../../../apimachinery/types/batch-v1.ts'
import type { Schedule } from './cron-schedule.ts'

/** Where a CronJob stands in its schedule. Times are milliseconds since the epoch. */
interface SchedulePosition {
  /** From when on start times count. */
  readonly earliest: number
  /** The last start time that has come; undefined: none since then. */
  readonly mostRecent: number | undefined
  readonly missed: 'none' | 'few' | 'many'
}

/** Start times are met a moment late rather than a moment early. */
const DELTA_MS = 100
/** More missed start times than this hint at a wrong clock. */
const MANY = 100

/**
 * Looks up the last start time that has come, without going through all that were missed. Errors: throws where start
 * times are less than a second apart.
 *
 * @see kubernetes pkg/controller/cronjob/utils.go mostRecentScheduleTime
 */
export function schedulePosition(
  { metadata, spec, status }: CronJob,
  now: number,
  schedule: Schedule,
  { withDeadline }: { readonly withDeadline: boolean },
): SchedulePosition {
  let earliest = parseTime(status?.lastScheduleTime ?? metadata.creationTimestamp ?? '')
  if (withDeadline && spec.startingDeadlineSeconds !== undefined) {
    earliest = Math.max(earliest, now - spec.startingDeadlineSeconds * 1000)
  }
  const first = schedule.next(earliest)
  const second = first === undefined ? undefined : schedule.next(first)
  if (first === undefined || now < first) return { earliest, mostRecent: undefined, missed: 'none' }
  if (second === undefined || now < second) return { earliest, mostRecent: first, missed: 'none' }
  const between = Math.round((second - first) / 1000)
  if (between < 1) throw new Error('time difference between two schedules is less than 1 second')
  const count = Math.trunc(Math.trunc((now - first) / 1000) / between) + 1
  let mostRecent: number | undefined
  for (let t = schedule.next(first + (count - 2) * between * 1000); t !== undefined && t <= now; t = schedule.next(t)) {
    mostRecent = t
  }
  return { earliest, mostRecent, missed: count > MANY ? 'many' : 'few' }
}

/** Milliseconds until the next start time; undefined: there is none. */
export function untilNextMs(cronJob: CronJob, now: number, schedule: Schedule): number | undefined {
  const next = schedule.next(basis(cronJob, now, schedule))
  return next === undefined ? undefined : next + DELTA_MS - now
}

function basis(cronJob: CronJob, now: number, schedule: Schedule): number {
  try {
    const { earliest, mostRecent, missed } = schedulePosition(cronJob, now, schedule, { withDeadline: false })
    return mostRecent ?? (missed === 'none' ? earliest : now)
  } catch {
    return now
  }
}
