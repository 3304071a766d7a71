import type { Etcd3 } from 'etcd3'
import type { Clock } from '../../apimachinery/clock.ts'

/** Upstream's figures (apiserver/pkg/storage/etcd3/lease_manager.go). */
const REUSE_FRACTION = 0.05
const MAX_REUSE_SECONDS = 60
const MAX_KEYS_PER_LEASE = 1000

interface Lease {
  readonly id: string
  readonly expiresAt: number
  keys: number
}

/**
 * Leases for keys with a TTL. One lease serves the keys of a window of 5 % of the TTL (at most a minute), as granting
 * one per event would cost more than the event; a key may live longer than its TTL by that much.
 */
export class EtcdLeases {
  readonly #clock: Clock
  readonly #callOptions: () => { readonly deadline: number }
  #last: Lease | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock, callOptions: () => { readonly deadline: number }) {
    this.#clock = clock
    this.#callOptions = callOptions
  }

  /** The id of a lease that lives at least `ttlSeconds`. */
  lease(etcd: Etcd3, ttlSeconds: number): Promise<string> {
    const mine = this.#turn.then(() => this.#take(etcd, ttlSeconds))
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** The server does not know this lease any more. */
  forget(id: string): void {
    if (this.#last?.id === id) this.#last = undefined
  }

  async #take(etcd: Etcd3, ttlSeconds: number): Promise<string> {
    const now = this.#clock.now()
    const reuseSeconds = Math.min(Math.trunc(ttlSeconds * REUSE_FRACTION), MAX_REUSE_SECONDS)
    const last = this.#last
    if (
      last !== undefined &&
      last.keys < MAX_KEYS_PER_LEASE &&
      now + ttlSeconds * 1000 < last.expiresAt &&
      now + (ttlSeconds + reuseSeconds) * 1000 > last.expiresAt
    ) {
      last.keys++
      return last.id
    }
    const granted = ttlSeconds + reuseSeconds
    const { ID } = await etcd.leaseClient.leaseGrant({ TTL: granted, ID: 0 }, this.#callOptions())
    this.#last = { id: ID, expiresAt: now + granted * 1000, keys: 1 }
    return ID
  }
}
