import type { Call } from '../call.ts'

/** What a list of a resource has to go through. */
interface ObjectStats {
  readonly count: number
  /** Mean size of an object, in bytes. */
  readonly averageBytes: number
}

/** Stats of a resource; undefined where this server does not store it. */
export type ObjectStatsOf = (group: string, resource: string) => ObjectStats | undefined

const BYTES_PER_SEAT = 100_000
/** Lists from the cache are written piece by piece: they never hold more at once. */
const MAX_CACHE_BYTES = 1_000_000
/** The most seats that one list takes, whatever its level has. */
const MAX_LIST_SEATS = 100

/**
 * Seats of a list, or of a watch that begins with one: one for each 100 kB that it is estimated to hold in memory.
 * `levelMax`: most seats of a request in its priority level, 0 where the level sets no bound.
 *
 * @see apiserver pkg/util/flowcontrol/request/list_work_estimator.go (gate SizeBasedListCostEstimate)
 */
export function seatsOfList({ info, query }: Call, statsOf: ObjectStatsOf, levelMax: number): number {
  const max = levelMax === 0 ? MAX_LIST_SEATS : Math.min(levelMax, MAX_LIST_SEATS)
  const limit = Number(query.get('limit') || 0)
  if (!Number.isInteger(limit)) return max
  const isWatch = info.verb === 'watch'
  const version = query.get('resourceVersion') ?? ''
  if (isWatch && !startsWithList(query.get('sendInitialEvents'), version)) return 1
  const stats = statsOf(info.apiGroup, info.resource)
  if (!stats) return 1
  const { count, averageBytes } = stats
  const limited = limit > 0 ? Math.min(limit, count) : count
  const fromCache =
    isWatch || !readsStore(query.get('resourceVersionMatch') ?? '', version, limit, query.has('continue'))
  const hasSelector = info.fieldSelector !== '' || info.labelSelector !== ''
  const loaded = info.name !== '' ? 1 : !fromCache && hasSelector ? Math.max(limited, count / 2) : limited
  const bytes = loaded * averageBytes
  const seats = Math.ceil((fromCache ? Math.min(bytes, MAX_CACHE_BYTES) : bytes) / BYTES_PER_SEAT)
  return Math.min(Math.max(seats, 1), max)
}

function startsWithList(sendInitialEvents: string | undefined, version: string): boolean {
  return sendInitialEvents === 'true' || sendInitialEvents === '1' || version === '' || version === '0'
}

/** As upstream decides it, whose cache has no past states: an exact revision, and every page but the first. */
function readsStore(match: string, version: string, limit: number, isContinued: boolean): boolean {
  switch (match) {
    case '':
      return isContinued || (limit > 0 && version !== '' && version !== '0')
    case 'NotOlderThan':
      return false
    default:
      return true
  }
}
