import type { FlowSchema, PriorityLevelConfiguration } from '../../apimachinery/types/flowcontrol-v1.ts'
import { compareFlowSchemas } from '../../registry/flowcontrol/flow-schema-order.ts'
import type { Call } from '../call.ts'
import { flowDistinguisher, matchesFlowSchema } from '../flow-control/flow-schema.ts'
import { InFlightGauge } from '../flow-control/in-flight-gauge.ts'
import { type ObjectStatsOf, seatsOfList } from '../flow-control/list-work.ts'
import { PriorityLevel, type RejectReason, sharesOf } from '../flow-control/priority-level.ts'
import { Histogram } from '../metrics/histogram.ts'
import type { RequestInfo } from '../request-info.ts'
import { TRACE_PATH } from '../trace/trace-record.ts'

export interface FlowControlOptions {
  /** `--max-requests-inflight`. With priorities, the two limits together are the server's seats. */
  readonly maxReadOnly: number
  /** `--max-mutating-requests-inflight`. */
  readonly maxMutating: number
  /** `--enable-priority-and-fairness`: false leaves the two limits alone, without queues. */
  readonly priorities: boolean
  /** Longest wait for a seat. */
  readonly maxWaitMs: number
}

/** Upstream's defaults: a request waits for a quarter of the time that it may take. */
export const DEFAULT_FLOW_CONTROL: FlowControlOptions = {
  maxReadOnly: 400,
  maxMutating: 200,
  priorities: true,
  maxWaitMs: 15_000,
}

const READ_ONLY_VERBS: ReadonlySet<string> = new Set(['get', 'list', 'watch'])
const LONG_RUNNING_VERBS: ReadonlySet<string> = new Set(['watch', 'proxy'])
const LONG_RUNNING_SUBRESOURCES: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

/** Watches, connections to containers and the trace: they have no deadline. */
export function isLongRunning({ verb, isResourceRequest, subresource, path }: RequestInfo): boolean {
  if (!isResourceRequest && path === TRACE_PATH) return true
  return LONG_RUNNING_VERBS.has(verb) || (isResourceRequest && LONG_RUNNING_SUBRESOURCES.has(subresource))
}

/** 429: the client is to come again later. Answered in plain text, as upstream does before any handler. */
export class TooManyRequestsError extends Error {
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number) {
    super('Too many requests, please try again later.')
    this.name = 'TooManyRequestsError'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Counts what happens to the requests of one flow schema. */
export interface FlowCounts {
  readonly schema: string
  readonly level: string
  executing: number
  executingSeats: number
  waiting: number
  waitingSeats: number
  dispatched: number
  readonly rejected: Record<RejectReason, number>
  /** Seconds that requests waited until they ran, or until they were refused. */
  readonly waits: Record<'executed' | 'refused', Histogram>
  /** Seconds that requests held their seats. */
  readonly executions: Record<'regular' | 'watch', Histogram>
  /** How many waited when a request came to wait. */
  readonly queueLengths: Histogram
  /** Seats that requests took. */
  readonly seats: Histogram
}

/** Upstream's buckets, in seconds and in requests. */
const DURATION_BUCKETS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30]
const QUEUE_LENGTH_BUCKETS = [0, 10, 25, 50, 100, 250, 500, 1000]
const SEAT_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 100]

interface Flow {
  readonly schema: FlowSchema
  readonly level: PriorityLevel
  readonly counts: FlowCounts
}

/** A request on its way to its seats. */
interface Place {
  readonly call: Call
  readonly flow: Flow
  readonly gauge: InFlightGauge
  readonly seats: number
}

const NOTHING = (): void => {}

/**
 * Limits the requests that are served at once. A request belongs to the first flow schema that matches it; that names a
 * priority level, which has a share of the server's seats and may take those that others leave free. A large list takes
 * several. Who finds too few waits in the queue of its flow.
 *
 * Differs from kube-apiserver: writes take one seat however many watch what they change, and levels lend to each other
 * at once rather than every ten seconds.
 *
 * @see https://kep.k8s.io/1040 and apiserver pkg/server/filters/priority-and-fairness.go
 */
export class FlowControl {
  readonly readOnly: InFlightGauge = new InFlightGauge()
  readonly mutating: InFlightGauge = new InFlightGauge()
  readonly #options: FlowControlOptions
  readonly #now: () => number
  readonly #statsOf: ObjectStatsOf
  #levels: readonly PriorityLevel[] = []
  #flows: readonly Flow[] = []
  readonly #counts = new Map<string, FlowCounts>()

  constructor(
    options: FlowControlOptions = DEFAULT_FLOW_CONTROL,
    now: () => number = Date.now,
    statsOf: ObjectStatsOf = () => undefined,
  ) {
    this.#options = options
    this.#now = now
    this.#statsOf = statsOf
  }

  /** Takes the stored configuration over. Requests that run keep their seats; who waited in a level that changed is let in. */
  configure(schemas: readonly FlowSchema[], configurations: readonly PriorityLevelConfiguration[]): void {
    const all = this.#options.maxReadOnly + this.#options.maxMutating
    const shares = configurations.reduce((sum, c) => sum + sharesOf(c), 0) || 1
    const before = this.#levels
    this.#levels = configurations.map((c) =>
      this.#levelOf(c, { all, nominal: Math.ceil((all * sharesOf(c)) / shares) }),
    )
    for (const level of before) if (!this.#levels.includes(level)) while (level.waiting > 0) level.startNext()
    const byName = new Map(this.#levels.map((level) => [level.name, level]))
    this.#flows = [...schemas].sort(compareFlowSchemas).flatMap((schema) => {
      const level = byName.get(schema.spec?.priorityLevelConfiguration.name ?? '')
      return level ? [{ schema, level, counts: this.#countsOf(schema, level) }] : []
    })
    const current = new Set(this.#flows.map((flow) => flow.counts))
    for (const [key, counts] of this.#counts) if (!current.has(counts)) this.#counts.delete(key)
  }

  get levels(): readonly PriorityLevel[] {
    return this.#levels
  }

  get counts(): Iterable<FlowCounts> {
    return this.#counts.values()
  }

  /** Gets the call a seat, or its turn to get one; the returned function gives it back. Errors: 429. */
  acquire(call: Call): (() => void) | Promise<() => void> {
    const { info } = call
    if (isLongRunning(info) && info.verb !== 'watch') return NOTHING
    const gauge = READ_ONLY_VERBS.has(info.verb) ? this.readOnly : this.mutating
    if (!this.#options.priorities) return this.#enterLimit(call, gauge)
    const flow = this.#classify(call)
    if (!flow) return running(gauge)
    call.reply.header('x-kubernetes-pf-prioritylevel-uid', flow.level.uid)
    call.reply.header('x-kubernetes-pf-flowschema-uid', flow.schema.metadata.uid ?? '')
    const { level, counts } = flow
    const isList = info.verb === 'list' || info.verb === 'watch'
    const seats = isList ? seatsOfList(call, this.#statsOf, level.limits.maxPerRequest) : 1
    counts.seats.observe(seats)
    const place = { call, flow, gauge, seats }
    if (!this.#hasSeats(level, seats)) return this.#wait(place)
    level.enter(seats)
    return this.#seated(place)
  }

  #classify(call: Call): Flow | undefined {
    const digest = { user: call.user!, info: call.info }
    return this.#flows.find(({ schema }) => matchesFlowSchema(schema, digest))
  }

  /** The two limits of `--enable-priority-and-fairness=false`; system:masters may exceed them. */
  #enterLimit(call: Call, gauge: InFlightGauge): () => void {
    const { maxReadOnly, maxMutating } = this.#options
    const max = gauge === this.readOnly ? maxReadOnly : maxMutating
    const isRefused = max > 0 && gauge.executing >= max && !call.user!.groups.includes('system:masters')
    if (isRefused) throw new TooManyRequestsError(1)
    return running(gauge)
  }

  /** Who comes later waits behind those that wait already. */
  #hasSeats(level: PriorityLevel, seats: number): boolean {
    return level.limits.isExempt || (level.waiting === 0 && this.#hasFreeSeats(level, seats))
  }

  #hasFreeSeats({ limits, executing, borrowed }: PriorityLevel, seats: number): boolean {
    const { isExempt, nominal, borrowable } = limits
    if (isExempt || executing + seats <= nominal) return true
    const more = executing + seats - Math.max(executing, nominal)
    if (borrowed + more <= borrowable && more <= this.#lendable()) return true
    // Wider than all that the level can have: it goes alone.
    return executing === 0 && seats > 1
  }

  /** Seats that nobody uses and that nobody has borrowed yet. */
  #lendable(): number {
    return this.#levels.reduce((sum, level) => sum + level.idleLendable - level.borrowed, 0)
  }

  /** Counts a request that has got its seat; the returned function gives that back. */
  #seated({ call, flow, gauge, seats }: Place, waitedMs = 0): () => void {
    const { level, counts } = flow
    counts.dispatched++
    counts.executing++
    counts.executingSeats += seats
    counts.waits.executed.observe(waitedMs / 1000)
    const seatedAt = performance.now()
    const leave = running(gauge)
    return () => {
      leave()
      counts.executing--
      counts.executingSeats -= seats
      const executions = call.info.verb === 'watch' ? counts.executions.watch : counts.executions.regular
      executions.observe((performance.now() - seatedAt) / 1000)
      level.leave(seats)
      this.#dispatch(level)
    }
  }

  async #wait(place: Place): Promise<() => void> {
    const { call, flow, gauge, seats } = place
    const { level, schema, counts } = flow
    const name = `${schema.metadata.name}/${flowDistinguisher(schema, { user: call.user!, info: call.info })}`
    if (!level.hasRoomFor(name)) throw this.#refuse(flow, level.limits.queuing ? 'queue-full' : 'concurrency-limit')
    const began = performance.now()
    gauge.wait(1)
    counts.queueLengths.observe(++counts.waiting)
    counts.waitingSeats += seats
    try {
      await this.#turn(flow, name, seats)
    } catch (error) {
      counts.waits.refused.observe((performance.now() - began) / 1000)
      throw error
    } finally {
      gauge.wait(-1)
      counts.waiting--
      counts.waitingSeats -= seats
    }
    return this.#seated(place, performance.now() - began)
  }

  /** Resolves when it is the request's turn: it has its seats then. */
  #turn(flow: Flow, name: string, seats: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        flow.level.forget(name, waiting)
        reject(this.#refuse(flow, 'time-out'))
      }, this.#options.maxWaitMs)
      const waiting = {
        seats,
        start: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      flow.level.enqueue(name, waiting)
    })
  }

  /** Seats of the level are free: its own come first, then those that may borrow it. */
  #dispatch(freed: PriorityLevel): void {
    this.#startNext(freed)
    for (const level of this.#levels) if (level.waiting > 0 && level !== freed) this.#startNext(level)
  }

  #startNext(level: PriorityLevel): void {
    while (level.waiting > 0 && this.#hasFreeSeats(level, level.nextSeats)) level.startNext()
  }

  #refuse({ level, counts }: Flow, reason: RejectReason): TooManyRequestsError {
    counts.rejected[reason]++
    level.dropped.record()
    return new TooManyRequestsError(level.dropped.retryAfterSeconds)
  }

  /** The level as it runs, unless its configuration has changed: then a new one, that those in the old one don't count in. */
  #levelOf(
    configuration: PriorityLevelConfiguration,
    seats: { readonly all: number; readonly nominal: number },
  ): PriorityLevel {
    const fresh = new PriorityLevel(configuration, seats, this.#now)
    const running = this.#levels.find((level) => level.name === fresh.name && level.uid === fresh.uid)
    return running && JSON.stringify(running.limits) === JSON.stringify(fresh.limits) ? running : fresh
  }

  #countsOf(schema: FlowSchema, level: PriorityLevel): FlowCounts {
    const key = `${schema.metadata.name}/${level.name}`
    let counts = this.#counts.get(key)
    if (!counts) {
      const rejected = { 'queue-full': 0, 'concurrency-limit': 0, 'time-out': 0 }
      counts = {
        schema: schema.metadata.name ?? '',
        level: level.name,
        executing: 0,
        executingSeats: 0,
        waiting: 0,
        waitingSeats: 0,
        dispatched: 0,
        rejected,
        waits: { executed: new Histogram(DURATION_BUCKETS), refused: new Histogram(DURATION_BUCKETS) },
        executions: { regular: new Histogram(DURATION_BUCKETS), watch: new Histogram(DURATION_BUCKETS) },
        queueLengths: new Histogram(QUEUE_LENGTH_BUCKETS),
        seats: new Histogram(SEAT_BUCKETS),
      }
      this.#counts.set(key, counts)
    }
    return counts
  }
}

/** Counts a request that runs; the returned function that it does no more. */
function running(gauge: InFlightGauge): () => void {
  gauge.execute(1)
  return () => gauge.execute(-1)
}
