import { isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, formatMicroTime, type Timer } from '../../apimachinery/clock.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import type { Lease, LeaseSpec } from '../../apimachinery/types/coordination-v1.ts'
import type { Client, ObjectKey, Typed } from './client.ts'
import type { EventRecorder } from './controller.ts'
import type { Logger } from './logger.ts'
import { LEASES } from './resources.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'

interface LeaderElectionOptions {
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
  /** How long the leader goes on trying, or waits for an answer, before it gives up. Default 10 s. */
  readonly renewDeadlineMs?: number
  /** Default 2 s. */
  readonly retryPeriodMs?: number
  /** Called when this process leads. */
  started(): void
  /** Called when it leads no more, for whatever reason. */
  stopped(): void
}

/** @see client-go tools/leaderelection/leaderelection.go NewLeaderElector */
export function checkElectionTimes(leaseDurationMs: number, renewDeadlineMs: number, retryPeriodMs: number): void {
  if (leaseDurationMs <= renewDeadlineMs) throw new Error('leaseDuration must be greater than renewDeadline')
  if (renewDeadlineMs <= JITTER * retryPeriodMs) {
    throw new Error('renewDeadline must be greater than retryPeriod*JitterFactor')
  }
  if (leaseDurationMs < 1000) throw new Error('leaseDuration must be greater than zero')
  if (renewDeadlineMs < 1) throw new Error('renewDeadline must be greater than zero')
  if (retryPeriodMs < 1) throw new Error('retryPeriod must be greater than zero')
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
  /** When the tries began of which one has to succeed in time; undefined: the last one did. */
  #triesSince: number | undefined
  /** Counts tries: what comes of one that was given up is heard no more. */
  #attemptNumber = 0
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
    await this.#inTime(this.#renewDeadlineMs, this.#release()).catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'could not give the lease back')
    })
  }

  async #try(): Promise<void> {
    const { clock, logger } = this.#options
    // A leader has its deadline for all tries in a row, others have it for each.
    if (!this.#isLeader) this.#triesSince = undefined
    this.#triesSince ??= clock.now()
    const endsAt = this.#triesSince + this.#renewDeadlineMs
    try {
      this.#lead(await this.#inTime(endsAt - clock.now(), this.#acquireOrRenew(++this.#attemptNumber)))
      this.#triesSince = undefined
    } catch (error) {
      logger.warn({ err: error }, 'could not write the lease')
      if (clock.now() >= endsAt) this.#lead(false)
    }
    if (this.#isStopped) return
    const isLate = this.#isLeader && this.#triesSince !== undefined
    const delay = this.#isLeader ? this.#retryPeriodMs : this.#retryPeriodMs * (1 + JITTER * Math.random())
    this.#timer = clock.setTimer(
      () => {
        this.#attempt = this.#try()
      },
      isLate ? Math.min(delay, endsAt - clock.now()) : delay,
    )
  }

  /** What `work` resolves with. Errors: it takes longer; it then goes on unheard. */
  async #inTime<T>(ms: number, work: Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const timer = this.#options.clock.setTimer(() => {
        this.#attemptNumber++
        reject(new Error('no answer before the renew deadline'))
      }, ms)
      work.then(resolve, reject).finally(() => timer.cancel())
    })
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
  async #acquireOrRenew(attempt: number): Promise<boolean> {
    if (this.#isLeader && this.#lease && (await this.#renew(this.#lease, attempt))) return true
    const { client, clock, lease: key, identity } = this.#options
    const found = await client.get(LEASES, key).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    const now = clock.now()
    if (!found) return await this.#create(attempt)
    const spec = found.spec ?? {}
    if (!equalJson(spec, this.#observed)) this.#observe(found, attempt)
    const holder = spec.holderIdentity ?? ''
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000
    if (holder !== '' && holder !== identity && this.#observedAt + durationMs > now) return false
    await this.#take(found, attempt)
    return true
  }

  /** The leader's usual way: the lease is as it left it. False where it is not, or something else failed. */
  async #renew(lease: Typed<Lease>, attempt: number): Promise<boolean> {
    if (lease.spec?.holderIdentity !== this.#options.identity) return false
    try {
      await this.#take(lease, attempt)
      return true
    } catch (error) {
      this.#options.metrics?.slowRenewal(this.#options.lease.name)
      this.#options.logger.debug({ err: error }, 'could not renew the lease as it was last seen')
      return false
    }
  }

  async #create(attempt: number): Promise<boolean> {
    const { client, clock, lease: key } = this.#options
    const now = clock.now()
    const lease: Typed<Lease> = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: key.name, namespace: key.namespace },
      spec: this.#spec(now, formatMicroTime(now), 0),
    }
    try {
      this.#observe(await client.create(LEASES, lease), attempt)
      return true
    } catch (error) {
      if (isAlreadyExists(error)) return false
      throw error
    }
  }

  async #take(found: Typed<Lease>, attempt: number): Promise<void> {
    const { client, clock, identity } = this.#options
    const now = clock.now()
    const isMine = found.spec?.holderIdentity === identity
    const transitions = (found.spec?.leaseTransitions ?? 0) + (isMine ? 0 : 1)
    const acquireTime = isMine ? (found.spec?.acquireTime ?? formatMicroTime(now)) : formatMicroTime(now)
    const lease = { ...found, spec: { ...found.spec, ...this.#spec(now, acquireTime, transitions) } }
    this.#observe(await client.update(LEASES, lease), attempt)
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

  #observe(lease: Typed<Lease>, attempt: number): void {
    if (attempt !== this.#attemptNumber) return
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
