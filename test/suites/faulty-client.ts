import { conflict, internalError, tooManyRequests } from '../../src/apimachinery/api-error.ts'
import { type Clock, systemClock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import type { Client, ObjectKey, ResourceRef } from '../../src/controllers/runtime/client.ts'
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

/** What one process shares: its faults, and whether it is still there. */
class Line {
  readonly faults: Faults
  readonly random: SeededRandom
  readonly clock: Clock
  isDead = false
  readonly underWay = new Set<Promise<unknown>>()

  constructor(faults: Faults, random: SeededRandom, clock: Clock) {
    this.faults = faults
    this.random = random
    this.clock = clock
  }

  async untilServed(): Promise<void> {
    for (let attempt = 0; this.random.chance(this.faults.busy); attempt++) {
      if (attempt === MAX_RETRIES) throw tooManyRequests('too many requests, please try again later.', 1)
      await new Promise<void>((resolve) => {
        this.clock.setTimer(resolve, 1000)
      })
    }
  }
}

const MAX_RETRIES = 10

/** A client whose requests fail and whose watches are cut off at random. */
export class FaultyClient implements Client {
  readonly #inner: Client
  readonly #line: Line

  private constructor(inner: Client, line: Line) {
    this.#inner = inner
    this.#line = line
  }

  static create(inner: Client, faults: Faults, random: SeededRandom, clock: Clock): FaultyClient {
    return new FaultyClient(inner, new Line(faults, random, clock))
  }

  /**
   * The process is gone: nothing that it asks for happens any more, and nothing comes back to it. Resolves once what it
   * had asked for before has been done.
   */
  async die(): Promise<void> {
    this.#line.isDead = true
    await Promise.allSettled(this.#line.underWay)
  }

  get: Client['get'] = (resource, key) => this.#call(resource, key.name, false, () => this.#inner.get(resource, key))

  list: Client['list'] = (resource, query) => this.#call(resource, '', false, () => this.#inner.list(resource, query))

  watch: Client['watch'] = (resource, query, receiver) => {
    const line = this.#line
    let isOver = false
    const stop = this.#inner.watch(resource, query, {
      event: (event) => {
        if (!isOver && !line.isDead) receiver.event(event)
      },
      end: (error) => {
        if (!isOver && !line.isDead) receiver.end(error)
        isOver = true
      },
    })
    const cut = systemClock.setTimer(() => {
      if (isOver) return
      isOver = true
      stop()
      if (!line.isDead) receiver.end()
    }, line.faults.watchMs)
    return () => {
      isOver = true
      cut.cancel()
      stop()
    }
  }

  create: Client['create'] = (resource, object, options) =>
    this.#call(resource, '', false, () => this.#inner.create(resource, object, options))

  update: Client['update'] = (resource, object, options) =>
    this.#call(resource, nameOf(object), true, () => this.#inner.update(resource, object, options))

  updateSubresource: Client['updateSubresource'] = (resource, subresource, object, options) =>
    this.#call(resource, nameOf(object), true, () =>
      this.#inner.updateSubresource(resource, subresource, object, options),
    )

  patch: Client['patch'] = (resource, key, type, patch, options) =>
    this.#call(resource, key.name, true, () => this.#inner.patch(resource, key, type, patch, options))

  createSubresource: Client['createSubresource'] = (resource, key: ObjectKey, subresource, body, options) =>
    this.#call(resource, key.name, true, () => this.#inner.createSubresource(resource, key, subresource, body, options))

  delete: Client['delete'] = (resource, key, options) =>
    this.#call(resource, key.name, options?.preconditions !== undefined, () =>
      this.#inner.delete(resource, key, options),
    )

  resources: Client['resources'] = () => this.#inner.resources()

  as(userName: string, groups?: readonly string[]): Client {
    return new FaultyClient(this.#inner.as(userName, groups), this.#line)
  }

  causedBy: Client['causedBy'] = (cause) => new FaultyClient(this.#inner.causedBy(cause), this.#line)

  async #call<T>(resource: ResourceRef, name: string, canConflict: boolean, request: () => Promise<T>): Promise<T> {
    const { faults, random, underWay } = this.#line
    if (this.#line.isDead) return await new Promise<T>(() => {})
    await this.#line.untilServed()
    if (this.#line.isDead) return await new Promise<T>(() => {})
    if (canConflict && random.chance(faults.conflict)) throw conflict(resource, name, 'the object has been modified')
    const isLost = random.chance(faults.lost)
    const answer = request()
    underWay.add(answer)
    try {
      const value = await answer
      if (this.#line.isDead) return await new Promise<T>(() => {})
      if (isLost) throw internalError('the connection was reset by the peer')
      return value
    } finally {
      underWay.delete(answer)
    }
  }
}

const nameOf = (object: KubeObject): string => object.metadata.name ?? ''
