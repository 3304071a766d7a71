import type { Clock } from '../../apimachinery/clock.ts'
import { TokenBucket } from '../runtime/token-bucket.ts'

/** Most requests of one identity: `--kube-api-qps`, `--kube-api-burst`. */
export interface RequestRate {
  readonly perSecond: number
  readonly burst: number
}

/** Holds back requests beyond a rate, in the order in which they come. @see client-go util/flowcontrol/throttle.go */
export class RequestLimiter {
  readonly #clock: Clock
  readonly #bucket: TokenBucket

  constructor({ perSecond, burst }: RequestRate, clock: Clock) {
    this.#clock = clock
    this.#bucket = new TokenBucket(burst, perSecond, clock.now())
  }

  /** Resolves when the request may be sent, with the milliseconds that it had to wait. */
  async turn(): Promise<number> {
    const waitMs = this.#bucket.reserve(this.#clock.now())
    if (waitMs > 0) {
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(resolve, waitMs)
      })
    }
    return waitMs
  }
}
