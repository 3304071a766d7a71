import { badRequest } from '../apimachinery/api-error.ts'
import { goQuote } from '../apimachinery/go-quote.ts'
import type { Call } from './call.ts'
import { parseGoDuration } from './query-parameters.ts'

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
    throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${goQuote(text)}`)
  }
  return asked > 0 && asked < maxMs ? asked : maxMs
}

/** Requests that have come and are not over: each has its deadline, and a server that stops waits for them. */
export class InFlightRequests {
  readonly #maxMs: number
  readonly #expire: (call: Call) => void
  /** In the order in which they came, so that the oldest stand first. */
  readonly #calls = new Set<Call>()
  /** Of requests that asked for less time than the others get. */
  readonly #timers = new Map<Call, NodeJS.Timeout>()
  #sweeper: NodeJS.Timeout | undefined
  #drained: (() => void) | undefined

  /** `expire` is called once for a request that is still under way after `maxMs`, or after its own time. */
  constructor(maxMs: number, expire: (call: Call) => void) {
    this.#maxMs = maxMs
    this.#expire = expire
  }

  get size(): number {
    return this.#calls.size
  }

  begin(call: Call, allotted: number): void {
    this.#calls.add(call)
    if (allotted < this.#maxMs) {
      this.#timers.set(
        call,
        setTimeout(() => this.#expire(call), allotted),
      )
    }
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  end(call: Call): void {
    if (!this.#calls.delete(call)) return
    if (this.#timers.size > 0) {
      clearTimeout(this.#timers.get(call))
      this.#timers.delete(call)
    }
    if (this.#calls.size === 0) this.#drained?.()
  }

  /** Resolves once no request is under way. */
  async drained(): Promise<void> {
    while (this.#calls.size > 0) {
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

  /** A request is told once: its time is taken to be over from then on. */
  #sweep(): void {
    const latest = performance.now() - this.#maxMs
    for (const call of this.#calls) {
      if (call.startedAt > latest) break
      if (!this.#timers.has(call)) this.#expire(call)
    }
    if (this.#calls.size === 0) this.stop()
  }
}
