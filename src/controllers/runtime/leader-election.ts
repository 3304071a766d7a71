import { isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, formatMicroTime, type Timer } from '../../apimachinery/clock.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import type { Lease, LeaseSpec } from '../../apimachinery/types/coordination-v1.ts'
import type { Client, ObjectKey, Typed } from './client.ts'
import type { EventRecorder } from './controller.ts'
import type { Logger } from './logger.ts'
import { LEASES } from './resources.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** The Lease: `kube-system/kube-controller-manager`. */
  readonly lease: ObjectKey
  /** Unique for each process that stands for election. */
  readonly identity: string
  /** Told of who leads; undefined: nobody is told. */
  readonly events?: EventRecorder
  readonly metrics?: RuntimeMetrics
  /** How long others wait for a leader that says nothing. Default 15 s, as kube-controller-manager. */
  readonly leaseDurationMs?: number
  /** How long the leader goes on trying before it gives up. Default 10 s. */
  readonly renewDeadlineMs?: number
  /** Default 2 s. */
  readonly retryPeriodMs?: number
  /** Called when this process leads. */
  started(): void
  /** Called when it leads no more, for whatever reason. */
  stopped(): void
}

/** Waits of those who do not lead are spread, so that they do not all try at once. */
const JITTER = 1.2

/**
 * Sees to it that one of several processes leads. A leader that stops cleanly gives the lease back, so that another
 * takes over at its next try; one that dies is followed once its lease has run out.
 *
 * @see client-go tools/leaderelection/leaderelection.go
 */
export class LeaderElector {
  readonly #options: LeaderElectionOptions
  readonly #leaseDurationMs: number
  readonly #renewDeadlineMs: number
  readonly #retryPeriodMs: number
  #lease: Typed<Lease> | undefined
  #observed: LeaseSpec | undefined
  #observedAt = 0
  #renewedAt = 0
  #isLeader = false
  #isStopped = false
  #timer: Timer | undefined
  #attempt: Promise<void> = Promise.resolve()

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000
  }

  get isLeader(): boolean {
    return this.#isLeader
  }

  /** Begins to stand for election. */
  start(): void {
    this.#options.metrics?.leads(this.#options.lease.name, false)
    this.#attempt = this.#try()
  }

  /** Stands no more, and gives the lease back where it has it. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#attempt
    if (!this.#isLeader) return
    this.#lead(false)
    await this.#release().catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'could not give the lease back')
    })
  }

  async #try(): Promise<void> {
    const { clock, logger } = this.#options
    try {
      if (await this.#acquireOrRenew()) {
        this.#renewedAt = clock.now()
        this.#lead(true)
      } else if (this.#isLeader) this.#lead(false)
    } catch (error) {
      logger.warn({ err: error }, 'could not write the lease')
      if (this.#isLeader && clock.now() - this.#renewedAt >= this.#renewDeadlineMs) this.#lead(false)
    }
    if (this.#isStopped) return
    const delay = this.#isLeader ? this.#retryPeriodMs : this.#retryPeriodMs * (1 + JITTER * Math.random())
    this.#timer = clock.setTimer(() => {
      this.#attempt = this.#try()
    }, delay)
  }

  #lead(isLeader: boolean): void {
    if (this.#isLeader === isLeader) return
    this.#isLeader = isLeader
    const { identity, logger, lease, metrics } = this.#options
    metrics?.leads(lease.name, isLeader)
    logger.info({ identity, lease: lease.name }, isLeader ? 'became leader' : 'leads no more')
    if (this.#lease) {
      const what = isLeader ? 'became leader' : 'stopped leading'
      this.#options.events?.record(this.#lease, 'Normal', 'LeaderElection', `${identity} ${what}`)
    }
    if (isLeader) this.#options.started()
    else this.#options.stopped()
  }

  /** True where this process has the lease for the next period. */
  async #acquireOrRenew(): Promise<boolean> {
    const { client, clock, lease: key, identity } = this.#options
    const found = await client.get(LEASES, key).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const now = clock.now()
    if (!found) return await this.#create(now)
    const spec = found.spec ?? {}
    if (!equalJson(spec, this.#observed)) {
      this.#observed = spec
      this.#observedAt = now
    }
    const holder = spec.holderIdentity ?? ''
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000
    if (holder !== '' && holder !== identity && this.#observedAt + durationMs > now) return false
    return await this.#take(found, holder === identity, now)
  }

  async #create(now: number): Promise<boolean> {
    const { client, lease: key } = this.#options
    const lease: Typed<Lease> = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: key.name, namespace: key.namespace },
      spec: this.#spec(now, formatMicroTime(now), 0),
    }
    try {
      this.#observe(await client.create(LEASES, lease))
      return true
    } catch (error) {
      if (isAlreadyExists(error)) return false
      throw error
    }
  }

  async #take(found: Typed<Lease>, isMine: boolean, now: number): Promise<boolean> {
    const transitions = (found.spec?.leaseTransitions ?? 0) + (isMine ? 0 : 1)
    const acquireTime = isMine ? (found.spec?.acquireTime ?? formatMicroTime(now)) : formatMicroTime(now)
    const lease = { ...found, spec: { ...found.spec, ...this.#spec(now, acquireTime, transitions) } }
    this.#observe(await this.#options.client.update(LEASES, lease))
    return true
  }

  #spec(now: number, acquireTime: string, leaseTransitions: number): LeaseSpec {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime,
      renewTime: formatMicroTime(now),
      leaseTransitions,
    }
  }

  #observe(lease: Typed<Lease>): void {
    this.#lease = lease
    this.#observed = lease.spec
    this.#observedAt = this.#options.clock.now()
  }

  /** Empties the lease and makes it so short that the next one need not wait. */
  async #release(): Promise<void> {
    const { client, clock, lease: key, identity } = this.#options
    const found = await client.get(LEASES, key)
    if (found.spec?.holderIdentity !== identity) return
    const now = formatMicroTime(clock.now())
    const spec = {
      leaseDurationSeconds: 1,
      leaseTransitions: found.spec.leaseTransitions ?? 0,
      acquireTime: now,
      renewTime: now,
      holderIdentity: '',
    }
    await client.update(LEASES, { ...found, spec })
  }
}
