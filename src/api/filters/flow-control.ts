import { ApiError } from '../../apimachinery/api-error.ts'
import type { Call } from '../call.ts'

export interface FlowControlOptions {
  /** Requests that change nothing, at once (`--max-requests-inflight`). */
  readonly maxReadOnly: number
  /** Requests that change something, at once (`--max-mutating-requests-inflight`). */
  readonly maxMutating: number
  /** Waiting requests per limit and user before 429. */
  readonly maxQueuedPerUser: number
  /** How long a request waits for its turn before 429. */
  readonly maxWaitMs: number
}

export const DEFAULT_FLOW_CONTROL: FlowControlOptions = {
  maxReadOnly: 400,
  maxMutating: 200,
  maxQueuedPerUser: 100,
  maxWaitMs: 15_000,
}

const READ_ONLY_VERBS: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'head'])
const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

/** Watches and connections to containers: not counted, not timed out. */
export function isLongRunning(call: Call): boolean {
  const { verb, subresource } = call.info
  if (verb === 'watch' || verb === 'proxy') return true
  return LONG_RUNNING_SUBRESOURCES.has(subresource)
}

interface Waiting {
  readonly start: () => void
}

/**
 * Limits the requests that are served at once. Who must wait queues with its own user; the queues are served in turn,
 * so that one busy client cannot keep the others out. Members of system:masters are exempt, as upstream.
 */
export class FlowControl {
  readonly #options: FlowControlOptions
  readonly #readOnly: FairLimiter
  readonly #mutating: FairLimiter

  constructor(options: FlowControlOptions = DEFAULT_FLOW_CONTROL) {
    this.#options = options
    this.#readOnly = new FairLimiter(options.maxReadOnly)
    this.#mutating = new FairLimiter(options.maxMutating)
  }

  /** Waits for the call's turn; the returned function gives it back. Errors: 429. */
  acquire(call: Call): (() => void) | Promise<() => void> {
    if (isLongRunning(call) || call.user?.groups.includes('system:masters')) return noRelease
    const limiter = READ_ONLY_VERBS.has(call.info.verb) ? this.#readOnly : this.#mutating
    if (limiter.tryEnter()) return limiter.release
    return this.#wait(limiter, call.user?.name ?? '')
  }

  async #wait(limiter: FairLimiter, user: string): Promise<() => void> {
    const { maxQueuedPerUser, maxWaitMs } = this.#options
    if (limiter.queued(user) >= maxQueuedPerUser) throw tooManyRequests()
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        limiter.forget(user, waiting)
        reject(tooManyRequests())
      }, maxWaitMs)
      const waiting: Waiting = {
        start: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      limiter.enqueue(user, waiting)
    })
    return limiter.release
  }
}

const noRelease = (): void => {}

/** 429 as upstream's priority and fairness words it; clients wait one second. */
function tooManyRequests(): ApiError {
  return new ApiError({
    code: 429,
    reason: 'TooManyRequests',
    message: 'Too many requests, please try again later.',
    details: { retryAfterSeconds: 1 },
  })
}

/** Up to so many at once; those behind them in one queue per key, served round robin. */
class FairLimiter {
  readonly #max: number
  #running = 0
  readonly #queues = new Map<string, Waiting[]>()

  constructor(max: number) {
    this.#max = max
  }

  tryEnter(): boolean {
    if (this.#running >= this.#max || this.#queues.size > 0) return false
    this.#running++
    return true
  }

  queued(key: string): number {
    return this.#queues.get(key)?.length ?? 0
  }

  enqueue(key: string, waiting: Waiting): void {
    const queue = this.#queues.get(key)
    if (queue) queue.push(waiting)
    else this.#queues.set(key, [waiting])
  }

  forget(key: string, waiting: Waiting): void {
    const rest = this.#queues.get(key)?.filter((w) => w !== waiting) ?? []
    if (rest.length > 0) this.#queues.set(key, rest)
    else this.#queues.delete(key)
  }

  readonly release = (): void => {
    const next = this.#queues.entries().next()
    if (next.done) {
      this.#running--
      return
    }
    const [key, queue] = next.value
    const waiting = queue.shift()!
    // Behind the others: a Map keeps the order in which keys were set.
    this.#queues.delete(key)
    if (queue.length > 0) this.#queues.set(key, queue)
    waiting.start()
  }
}
