import { badRequest } from '../apimachinery/api-error.ts'
import { goDurationError, parseGoDuration } from '../apimachinery/go-duration.ts'
import type { Call } from './call.ts'

/** How often requests are looked at for having taken too long. */
const SWEEP_MS = 1000

/**
 * How long a request may take: its `timeout` parameter, as far as that is shorter than the server's own limit.
 * Errors: 400.
 *
 * @see apiserver pkg/endpoints/filters/request_deadline.go
 */
export function allottedMs({ query }: Call, maxMs: number): number {
  const text = query.get('timeout')
  if (text === undefined || text === '') return maxMs
  const asked = parseGoDuration(text)
  if (asked === undefined) {
    throw badRequest(`invalid timeout specified in the request URL - ${goDurationError(text)}`)
  }
  return asked > 0 && asked < maxMs ? asked : maxMs
}

/** A request under way: a link in the list of all, which is in the order in which they came. */
export interface InFlight {
  readonly call: Call
  /** Of a request that asked for less time than the others get. */
  timer: NodeJS.Timeout | undefined
  before: InFlight | undefined
  after: InFlight | undefined
}

/** Requests that have come and are not over: each has its deadline, and a server that stops waits for them. */
export class InFlightRequests {
  readonly #maxMs: number
  readonly #expire: (call: Call) => void
  #oldest: InFlight | undefined
  #newest: InFlight | undefined
  #sweeper: NodeJS.Timeout | undefined
  #drained: (() => void) | undefined

  /** `expire` is called for a request that is still under way after `maxMs`, or after its own time. */
  constructor(maxMs: number, expire: (call: Call) => void) {
    this.#maxMs = maxMs
    this.#expire = expire
  }

  begin(call: Call, allotted: number): InFlight {
    const entry: InFlight = { call, timer: undefined, before: this.#newest, after: undefined }
    if (this.#newest) this.#newest.after = entry
    else this.#oldest = entry
    this.#newest = entry
    if (allotted < this.#maxMs) entry.timer = setTimeout(() => this.#expire(call), allotted)
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
    return entry
  }

  /** To be called once for each that began. */
  end({ timer, before, after }: InFlight): void {
    if (timer) clearTimeout(timer)
    if (before) before.after = after
    else this.#oldest = after
    if (after) after.before = before
    else this.#newest = before
    if (!this.#oldest) this.#drained?.()
  }

  /** Resolves once no request is under way. */
  async drained(): Promise<void> {
    while (this.#oldest) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve
      })
    }
  }

  /** To be called when no more requests come. */
  stop(): void {
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  /** Who is told again, because its answer has not gone out since, loses its connection. */
  #sweep(): void {
    const latest = performance.now() - this.#maxMs
    for (let entry = this.#oldest; entry && entry.call.startedAt <= latest; ) {
      const { after } = entry
      this.#expire(entry.call)
      entry = after
    }
    if (!this.#oldest) this.stop()
  }
}
