import { conflict, internalError, tooManyRequests } from '../../src/apimachinery/api-error.ts'
import { type Clock, systemClock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import type { Client, WatchReceiver } from '../../src/controllers/runtime/client.ts'
import { type ClientCall, type ClientLayer, wrapClient } from '../../src/controllers/runtime/wrapped-client.ts'
import type { SeededRandom } from './seeded-random.ts'

/** Probabilities in [0, 1] of what goes wrong with a request. */
export interface Faults {
  /** An update, a patch or a conditional delete meets a newer object: 409. */
  readonly conflict: number
  /** The server has no time: 429. As client-go's, the client waits for a second and asks again, ten times at most. */
  readonly busy: number
  /** The request is carried out, but its answer is lost. */
  readonly lost: number
  /** How long a watch lasts until it is cut off, in milliseconds of the machine's clock. */
  readonly watchMs: number
}

const MAX_RETRIES = 10

/** What stands between one process and the API: requests fail, watches are cut off, both at random. */
export class FaultyLine implements ClientLayer {
  readonly #faults: Faults
  readonly #random: SeededRandom
  readonly #clock: Clock
  readonly #underWay = new Set<Promise<unknown>>()
  #isDead = false

  constructor(faults: Faults, random: SeededRandom, clock: Clock) {
    this.#faults = faults
    this.#random = random
    this.#clock = clock
  }

  client(inner: Client): Client {
    return wrapClient(inner, this)
  }

  /**
   * The process is gone: nothing that it asks for happens any more, and nothing comes back to it. Resolves once what it
   * had asked for before has been done.
   */
  async die(): Promise<void> {
    this.#isDead = true
    await Promise.allSettled(this.#underWay)
  }

  async request<T>(call: ClientCall, send: () => Promise<T>): Promise<T> {
    const { conflict: conflicts, lost } = this.#faults
    if (this.#isDead) return await new Promise<T>(() => {})
    await this.#untilServed()
    if (this.#isDead) return await new Promise<T>(() => {})
    if (canConflict(call) && this.#random.chance(conflicts))
      throw conflict(call.resource, call.key.name, 'the object has been modified')
    const isLost = this.#random.chance(lost)
    const answer = send()
    this.#underWay.add(answer)
    try {
      const value = await answer
      if (this.#isDead) return await new Promise<T>(() => {})
      if (isLost) throw internalError('the connection was reset by the peer')
      return value
    } finally {
      this.#underWay.delete(answer)
    }
  }

  watch<T extends KubeObject>(
    begin: (receiver: WatchReceiver<T>) => () => void,
    receiver: WatchReceiver<T>,
  ): () => void {
    let isOver = false
    const stop = begin({
      event: (event) => {
        if (!isOver && !this.#isDead) receiver.event(event)
      },
      end: (error) => {
        if (!isOver && !this.#isDead) receiver.end(error)
        isOver = true
      },
    })
    const cut = systemClock.setTimer(() => {
      if (isOver) return
      isOver = true
      stop()
      if (!this.#isDead) receiver.end()
    }, this.#faults.watchMs)
    return () => {
      isOver = true
      cut.cancel()
      stop()
    }
  }

  async #untilServed(): Promise<void> {
    for (let attempt = 0; this.#random.chance(this.#faults.busy); attempt++) {
      if (attempt === MAX_RETRIES) throw tooManyRequests('too many requests, please try again later.', 1)
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(resolve, 1000)
      })
    }
  }
}

/** True for what another write may come before. */
function canConflict({ verb, subresource, options }: ClientCall): boolean {
  if (verb === 'delete') return options?.preconditions !== undefined
  return verb === 'update' || verb === 'patch' || (verb === 'create' && subresource !== '')
}
