import { CAUSE_HEADER, type Cause, parseCause } from '../../apimachinery/cause.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { parseTraceparent, type TraceContext } from '../../apimachinery/trace-context.ts'
import type { Call } from '../call.ts'
import { RequestTrace, type TraceKeeper } from './request-trace.ts'

interface TraceRecorderOptions {
  readonly clock: Clock
  /** Requests that wrote and are kept; default 20,000. A tenth of that more for those that failed. */
  readonly maxRecords?: number
  /** Bytes that these take, roughly; default 32 MiB. */
  readonly maxBytes?: number
}

const WRITE_VERBS: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

/** Groups that only answer questions, or say again and again that somebody is there. */
const QUIET_GROUPS: ReadonlySet<string> = new Set([
  'authentication.k8s.io',
  'authorization.k8s.io',
  'coordination.k8s.io',
])

/** Requests whose changes are looked at: so many at once, then so many a second. A pod's create costs about 50 µs more by that. */
const DETAIL_BURST = 500
const DETAIL_PER_SECOND = 250

/** Entries that are gone are cleared out of the list in runs of this. */
const MIN_RUN = 1024

/** Records in the order of their first writes, bounded: the oldest make room. */
class RecordRing {
  /** Those before `#begin` are gone. */
  #records: (RequestTrace | undefined)[] = []
  #begin = 0
  readonly #maxRecords: number
  readonly #maxBytes: number
  readonly #dropped: (trace: RequestTrace) => void
  #bytes = 0

  constructor(maxRecords: number, maxBytes: number, dropped: (trace: RequestTrace) => void) {
    this.#maxRecords = maxRecords
    this.#maxBytes = maxBytes
    this.#dropped = dropped
  }

  get size(): number {
    return this.#records.length - this.#begin
  }

  traces(): RequestTrace[] {
    return this.#records.slice(this.#begin) as RequestTrace[]
  }

  add(trace: RequestTrace): void {
    trace.charged = 0
    this.#records.push(trace)
  }

  /** A record has grown by so many bytes. */
  grow(bytes: number): void {
    this.#bytes += bytes
    while (this.size > this.#maxRecords || (this.#bytes > this.#maxBytes && this.size > 1)) this.#dropOldest()
  }

  #dropOldest(): void {
    const oldest = this.#records[this.#begin]!
    this.#records[this.#begin++] = undefined
    this.#bytes -= oldest.charged ?? 0
    oldest.charged = undefined
    this.#dropped(oldest)
    if (this.#begin < MIN_RUN || 2 * this.#begin < this.#records.length) return
    this.#records = this.#records.slice(this.#begin)
    this.#begin = 0
  }
}

/**
 * The last writes of this server and what led to them, in memory. Reads, Leases and heartbeats of nodes are not
 * recorded; requests that failed have a place of their own, so that a flood of them drives nothing else out.
 */
export class TraceRecorder implements TraceKeeper {
  readonly #clock: Clock
  readonly #since: number
  readonly #written: RecordRing
  readonly #failed: RecordRing
  readonly #byRevision = new Map<number, RequestTrace>()
  readonly #listeners = new Set<(trace: RequestTrace) => void>()
  #lastId = 0
  #dropped = 0
  #tokens = DETAIL_BURST
  #filledAt = 0

  constructor({ clock, maxRecords = 20_000, maxBytes = 32 * 1024 * 1024 }: TraceRecorderOptions) {
    this.#clock = clock
    this.#since = clock.now()
    const dropped = (trace: RequestTrace): void => {
      this.#dropped++
      for (const revision of trace.revisions) this.#byRevision.delete(revision)
    }
    this.#written = new RecordRing(maxRecords, maxBytes, dropped)
    this.#failed = new RecordRing(Math.ceil(maxRecords / 10), Math.ceil(maxBytes / 10), dropped)
  }

  /** Milliseconds since the epoch. */
  get since(): number {
    return this.#since
  }

  get size(): number {
    return this.#written.size + this.#failed.size
  }

  get dropped(): number {
    return this.#dropped
  }

  /**
   * Begins to follow a request; undefined where it writes nothing that is recorded. `cause`: of a component in this
   * process; default: what the request's header says.
   */
  begin(call: Call, cause = causeOf(call)): RequestTrace | undefined {
    const { info, query } = call
    if (!info.isResourceRequest || !WRITE_VERBS.has(info.verb)) return undefined
    if (QUIET_GROUPS.has(info.apiGroup) || query.has('dryRun')) return undefined
    return new RequestTrace(this, call, {
      id: ++this.#lastId,
      time: this.#clock.now(),
      cause,
      context: this.#contextOf(call, cause),
      isDetailed: this.#takeToken(call.startedAt),
    })
  }

  /** Records in the order in which their requests came. */
  records(): RequestTrace[] {
    return [...this.#written.traces(), ...this.#failed.traces()].sort((a, b) => a.id - b.id)
  }

  /** The request that made a revision. */
  writer(revision: number): RequestTrace | undefined {
    return this.#byRevision.get(revision)
  }

  /** Calls back for each recorded request that is over. The returned function ends that. */
  onRecord(listener: (trace: RequestTrace) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  keep(trace: RequestTrace): void {
    this.#ringOf(trace).add(trace)
  }

  wrote(trace: RequestTrace, revision: number): void {
    this.#byRevision.set(revision, trace)
  }

  ended(trace: RequestTrace): void {
    if (trace.charged !== undefined) {
      const grown = trace.bytes - trace.charged
      trace.charged = trace.bytes
      this.#ringOf(trace).grow(grown)
    }
    for (const listener of this.#listeners) listener(trace)
  }

  /** What failed before it wrote anything stands apart. */
  #ringOf(trace: RequestTrace): RecordRing {
    return trace.isKeptAsFailure ? this.#failed : this.#written
  }

  /** The trace that a request belongs to: the client's own, or that of what caused it. */
  #contextOf({ request }: Call, cause: Cause | undefined): TraceContext | undefined {
    const header = request.headers['traceparent']
    const given = typeof header === 'string' ? parseTraceparent(header) : undefined
    return given ?? cause?.revisions.map((r) => this.#byRevision.get(r)).find((w) => w !== undefined)?.context
  }

  #takeToken(now: number): boolean {
    this.#tokens = Math.min(DETAIL_BURST, this.#tokens + ((now - this.#filledAt) / 1000) * DETAIL_PER_SECOND)
    this.#filledAt = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}

function causeOf({ request }: Call): Cause | undefined {
  const header = request.headers[CAUSE_HEADER]
  return typeof header === 'string' ? parseCause(header) : undefined
}
