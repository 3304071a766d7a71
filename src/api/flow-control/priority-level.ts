import type { PriorityLevelConfiguration } from '../../apimachinery/types/flowcontrol-v1.ts'
import { DroppedRequests } from './dropped-requests.ts'

/** Why a request was refused, as upstream's metric names it. */
export type RejectReason = 'queue-full' | 'concurrency-limit' | 'time-out'

/** A request that waits for a seat. */
export interface WaitingRequest {
  readonly start: () => void
}

/** Limits of one level. Seats are requests that are served at once. */
interface LevelLimits {
  readonly isExempt: boolean
  readonly nominal: number
  /** Of the nominal seats, those that others may take while they are free. */
  readonly lendable: number
  /** How many seats of others it may take. */
  readonly borrowable: number
  /** Undefined: who finds no seat is refused at once. */
  readonly queuing: { readonly maxPerFlow: number; readonly max: number } | undefined
}

const DEFAULT_HAND_SIZE = 8
const DEFAULT_QUEUE_LENGTH = 50
const DEFAULT_QUEUES = 64

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
  return {
    isExempt,
    nominal,
    lendable: Math.round((nominal * lendablePercent) / 100),
    borrowable: borrowing === undefined ? seats : Math.round((nominal * borrowing) / 100),
    queuing:
      response?.type === 'Reject'
        ? undefined
        : { maxPerFlow: handSize * queueLengthLimit, max: queues * queueLengthLimit },
  }
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

  enter(): void {
    this.#executing++
  }

  leave(): void {
    this.#executing--
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

  /** Gives a seat to the request whose turn it is. Precondition: one waits. */
  startNext(): void {
    const [flow, queue] = this.#flows.entries().next().value!
    const request = queue.shift()!
    this.#waiting--
    this.#executing++
    // Behind the others: a Map keeps the order in which its keys were set.
    this.#flows.delete(flow)
    if (queue.length > 0) this.#flows.set(flow, queue)
    request.start()
  }
}
