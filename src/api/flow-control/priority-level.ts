import type { PriorityLevelConfiguration } from '../../apimachinery/types/flowcontrol-v1.ts'
import { DroppedRequests } from './dropped-requests.ts'

/** Why a request was refused, as upstream's metric names it. */
export type RejectReason = 'queue-full' | 'concurrency-limit' | 'time-out'

/** A request that waits for its seats. */
interface WaitingRequest {
  readonly seats: number
  readonly start: () => void
}

/** Limits of one level. A seat is what a small request takes while it is served. */
interface LevelLimits {
  readonly isExempt: boolean
  readonly nominal: number
  /** Of the nominal seats, those that others may take while they are free. */
  readonly lendable: number
  /** How many seats of others it may take. */
  readonly borrowable: number
  /** Most seats of one request; 0: no bound of the level's own. */
  readonly maxPerRequest: number
  /** Undefined: who finds no seat is refused at once. */
  readonly queuing: { readonly maxPerFlow: number; readonly max: number } | undefined
}

const DEFAULT_HAND_SIZE = 8
const DEFAULT_QUEUE_LENGTH = 50
const DEFAULT_QUEUES = 64
/** Share of a level's nominal seats that one request may take. */
const MAX_REQUEST_SHARE = 0.15

/** Shares of the server's seats that a level asks for. */
export function sharesOf({ spec }: PriorityLevelConfiguration): number {
  if (spec?.type === 'Exempt') return spec.exempt?.nominalConcurrencyShares ?? 0
  return spec?.limited?.nominalConcurrencyShares ?? 30
}

function limitsOf({ spec }: PriorityLevelConfiguration, seats: number, nominal: number): LevelLimits {
  const isExempt = spec?.type === 'Exempt'
  const { lendablePercent = 0 } = (isExempt ? spec?.exempt : spec?.limited) ?? {}
  const borrowing = spec?.limited?.borrowingLimitPercent
  const response = spec?.limited?.limitResponse
  const {
    handSize = DEFAULT_HAND_SIZE,
    queueLengthLimit = DEFAULT_QUEUE_LENGTH,
    queues = DEFAULT_QUEUES,
  } = response?.queuing ?? {}
  const isQueuing = response?.type === 'Queue'
  return {
    isExempt,
    nominal,
    lendable: Math.round((nominal * lendablePercent) / 100),
    borrowable: borrowing === undefined ? seats : Math.round((nominal * borrowing) / 100),
    maxPerRequest: isQueuing ? maxSeatsOfRequest(nominal, handSize) : 0,
    queuing: isQueuing ? { maxPerFlow: handSize * queueLengthLimit, max: queues * queueLengthLimit } : undefined,
  }
}

/** @see apiserver pkg/util/flowcontrol/apf_controller.go finishQueueSetReconfigsLocked */
function maxSeatsOfRequest(nominal: number, handSize: number): number {
  return Math.max(1, Math.min(Math.ceil(nominal * MAX_REQUEST_SHARE), Math.floor(nominal / handSize)))
}

/**
 * One priority level: its seats, and the flows that wait for them. Flows are served in turn, so that one that is busy
 * can't keep the others out.
 *
 * Differs from kube-apiserver: every flow has a queue of its own, as long as the hand of queues that upstream deals to
 * it; flows never meet in one queue by chance.
 */
export class PriorityLevel {
  readonly name: string
  readonly uid: string
  readonly limits: LevelLimits
  readonly dropped: DroppedRequests
  #executing = 0
  #waiting = 0
  readonly #flows = new Map<string, WaitingRequest[]>()

  constructor(
    configuration: PriorityLevelConfiguration,
    seats: { readonly all: number; readonly nominal: number },
    now: () => number,
  ) {
    this.name = configuration.metadata.name ?? ''
    this.uid = configuration.metadata.uid ?? ''
    this.limits = limitsOf(configuration, seats.all, seats.nominal)
    this.dropped = new DroppedRequests(now)
  }

  /** Seats that are taken. */
  get executing(): number {
    return this.#executing
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Seats taken from others. */
  get borrowed(): number {
    return this.limits.isExempt ? 0 : Math.max(0, this.#executing - this.limits.nominal)
  }

  /** Seats that others may take now, if nobody else has. */
  get idleLendable(): number {
    const { nominal, lendable } = this.limits
    return Math.max(0, Math.min(lendable, nominal - this.#executing))
  }

  enter(seats: number): void {
    this.#executing += seats
  }

  leave(seats: number): void {
    this.#executing -= seats
  }

  /** True where a further request of the flow may wait. */
  hasRoomFor(flow: string): boolean {
    const { queuing } = this.limits
    if (!queuing) return false
    return this.#waiting < queuing.max && (this.#flows.get(flow)?.length ?? 0) < queuing.maxPerFlow
  }

  enqueue(flow: string, request: WaitingRequest): void {
    this.#waiting++
    const queue = this.#flows.get(flow)
    if (queue) queue.push(request)
    else this.#flows.set(flow, [request])
  }

  forget(flow: string, request: WaitingRequest): void {
    const queue = this.#flows.get(flow)
    const at = queue?.indexOf(request) ?? -1
    if (at < 0) return
    this.#waiting--
    queue!.splice(at, 1)
    if (queue!.length === 0) this.#flows.delete(flow)
  }

  /** Seats of the request whose turn it is. Precondition: one waits. */
  get nextSeats(): number {
    return this.#flows.values().next().value![0]!.seats
  }

  /** Gives its seats to the request whose turn it is. Precondition: one waits. */
  startNext(): void {
    const [flow, queue] = this.#flows.entries().next().value!
    const request = queue.shift()!
    this.#waiting--
    this.#executing += request.seats
    // Behind the others: a Map keeps the order in which its keys were set.
    this.#flows.delete(flow)
    if (queue.length > 0) this.#flows.set(flow, queue)
    request.start()
  }
}
