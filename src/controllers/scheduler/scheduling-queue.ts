import { type Cause, CauseCollector, causedByChange, later } from '../../apimachinery/cause.ts'
import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { OrderedHeap } from './ordered-heap.ts'
import type { ClusterEvent, ObjectReader, SchedulerPlugin } from './plugin.ts'
import { podPriority } from './pod-info.ts'

const INITIAL_BACKOFF_MS = 1000
const MAX_BACKOFF_MS = 10_000
/** Back-offs end in steps of this, so that pods of one step come in the order of their priority. */
const BACKOFF_WINDOW_MS = 1000
/** A pod that no event has woken for so long is tried again all the same. */
const MAX_UNSCHEDULABLE_MS = 300_000
const FLUSH_INTERVAL_MS = 30_000

type Place = 'active' | 'back-off' | 'unschedulable' | 'none'

/** A pod that waits for a node, or is being placed. */
export interface QueuedPod {
  pod: Pod
  readonly uid: string
  attempts: number
  /** When the first attempt and the present or last one began, as `performance.now()` has it. */
  firstAttemptAt: number
  attemptAt: number
  /** When it came, or was last found to fit nowhere. */
  timestampMs: number
  unschedulableCount: number
  errorCount: number
  /** Who rejected it last; none: nothing could be decided. */
  rejectedBy: ReadonlySet<string>
  backoffUntilMs: number
  place: Place
  /** Tells the heap's entry of now from older ones of the same pod. */
  ticket: number
  /** What wakes it until its next attempt. */
  readonly wakers: CauseCollector
  /** What woke it for its present or last attempt. */
  cause: Cause
}

interface Entry {
  readonly queued: QueuedPod
  readonly ticket: number
  readonly priority: number
  readonly keyMs: number
}

const isCurrent = ({ queued, ticket }: Entry): boolean => queued.ticket === ticket

const byPriority = (a: Entry, b: Entry): boolean =>
  a.priority === b.priority ? a.keyMs < b.keyMs : a.priority > b.priority

const byBackoff = (a: Entry, b: Entry): boolean => (a.keyMs === b.keyMs ? a.priority > b.priority : a.keyMs < b.keyMs)

interface SchedulingQueueOptions {
  readonly clock: Clock
  readonly plugins: readonly SchedulerPlugin[]
  readonly objects: ObjectReader
  /** True while a pod must not be tried although it could be. */
  isHeld(pod: Pod): boolean
  /** There is something to pop. */
  onReady(): void
}

/**
 * Pods without a node: those to be tried (by priority, then age), those that wait out their back-off, and those that
 * wait for a change in the cluster that may help them.
 *
 * @see kubernetes pkg/scheduler/backend/queue/scheduling_queue.go
 */
export class SchedulingQueue {
  readonly #options: SchedulingQueueOptions
  readonly #plugins: ReadonlyMap<string, SchedulerPlugin>
  readonly #pods: Map<string, QueuedPod> = new Map()
  readonly #active = new OrderedHeap<Entry>(byPriority)
  readonly #backoff = new OrderedHeap<Entry>(byBackoff)
  readonly #unschedulable: Set<QueuedPod> = new Set()
  #tickets = 0
  #backoffTimer: Timer | undefined
  #flushTimer: Timer | undefined

  constructor(options: SchedulingQueueOptions) {
    this.#options = options
    this.#plugins = new Map(options.plugins.map((plugin) => [plugin.name, plugin]))
  }

  has(uid: string): boolean {
    return this.#pods.has(uid)
  }

  /** True where an event may wake a pod. */
  get hasUnschedulable(): boolean {
    return this.#unschedulable.size > 0
  }

  /** Pods that wait, by what they wait for. */
  counts(): Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>> {
    const counts = { active: 0, backoff: 0, unschedulable: 0, gated: 0 }
    for (const { place, pod } of this.#pods.values()) {
      if (place === 'active') counts.active++
      else if (place === 'back-off') counts.backoff++
      else if (place === 'unschedulable') counts[isGated(pod) ? 'gated' : 'unschedulable']++
    }
    return counts
  }

  /** A pod that is new to the queue. */
  add(pod: Pod): void {
    const queued: QueuedPod = {
      pod,
      uid: pod.metadata.uid ?? '',
      attempts: 0,
      firstAttemptAt: 0,
      attemptAt: 0,
      timestampMs: this.#options.clock.now(),
      unschedulableCount: 0,
      errorCount: 0,
      rejectedBy: new Set(),
      backoffUntilMs: 0,
      place: 'none',
      ticket: 0,
      wakers: new CauseCollector(),
      cause: { revisions: [] },
    }
    queued.wakers.add(causedByChange(pod))
    this.#pods.set(queued.uid, queued)
    this.#activate(queued)
  }

  /** A waiting pod has changed: keeps the new version, and wakes it where the change may help it. */
  update(old: Pod, pod: Pod, events: readonly ClusterEvent[]): void {
    const queued = this.#pods.get(pod.metadata.uid ?? '')
    if (!queued) {
      this.add(pod)
      return
    }
    const wasGated = isGated(old)
    queued.pod = pod
    if (wasGated && !isGated(pod)) {
      queued.wakers.add(causedByChange(pod))
      this.#activate(queued)
    }
    if (podPriority(old) !== podPriority(pod) && queued.place === 'active') this.#activate(queued)
    if (queued.place !== 'unschedulable') return
    if (!events.some((event) => this.#isWorthIt(queued, event))) return
    queued.wakers.add(causedByChange(pod))
    this.#requeue(queued)
  }

  delete(uid: string): void {
    const queued = this.#pods.get(uid)
    if (!queued) return
    this.#move(queued, 'none')
    this.#pods.delete(uid)
  }

  /** The next pod to place. It stays known until it is placed (`delete`) or found not to fit (`rejected`). */
  pop(): QueuedPod | undefined {
    const queued = this.#popFrom(this.#active) ?? this.#popBackedOff()
    if (!queued) return undefined
    this.#move(queued, 'none')
    queued.attemptAt = performance.now()
    if (queued.attempts === 0) queued.firstAttemptAt = queued.attemptAt
    queued.attempts++
    queued.cause = queued.wakers.take()
    return queued
  }

  #popFrom(heap: OrderedHeap<Entry>): QueuedPod | undefined {
    for (let entry = heap.pop(); entry; entry = heap.pop()) if (isCurrent(entry)) return entry.queued
    return undefined
  }

  /** With nothing else to do, a pod need not wait for its back-off; one that met an error has to. */
  #popBackedOff(): QueuedPod | undefined {
    const skipped: Entry[] = []
    let found: QueuedPod | undefined
    while (!found) {
      const entry = this.#backoff.pop()
      if (!entry) break
      if (!isCurrent(entry)) continue
      if (entry.queued.errorCount > 0) skipped.push(entry)
      else found = entry.queued
    }
    for (const entry of skipped) this.#backoff.push(entry)
    return found
  }

  /** A popped pod found no node; `plugins` empty: because of an error. */
  rejected(queued: QueuedPod, plugins: ReadonlySet<string>): void {
    if (this.#pods.get(queued.uid) !== queued || queued.place !== 'none') return
    queued.rejectedBy = plugins
    queued.timestampMs = this.#options.clock.now()
    if (plugins.size > 0) {
      queued.unschedulableCount++
      queued.errorCount = 0
    } else queued.errorCount++
    const count = queued.errorCount > 0 ? queued.errorCount : queued.unschedulableCount
    const backoff = Math.min(INITIAL_BACKOFF_MS * 2 ** (count - 1), MAX_BACKOFF_MS)
    const until = queued.timestampMs + backoff
    queued.backoffUntilMs = until - (until % BACKOFF_WINDOW_MS)
    if (plugins.size === 0) {
      queued.wakers.add(later(queued.cause, 'retry'))
      this.#requeue(queued)
    } else this.#park(queued)
  }

  /** Something changed in the cluster: wakes the pods that it may help. */
  event(event: ClusterEvent, concerns: (pod: Pod) => boolean = () => true): void {
    for (const queued of [...this.#unschedulable]) {
      if (!concerns(queued.pod) || !this.#isWorthIt(queued, event)) continue
      queued.wakers.add(causeOf(event))
      this.#requeue(queued)
    }
  }

  /** Tries a pod again at once, as what was done for it has failed. */
  activate(uid: string): void {
    const queued = this.#pods.get(uid)
    if (!queued || queued.place === 'none') return
    queued.wakers.add(later(queued.cause, 'retry'))
    this.#activate(queued)
  }

  close(): void {
    this.#backoffTimer?.cancel()
    this.#flushTimer?.cancel()
    this.#pods.clear()
    this.#unschedulable.clear()
  }

  #isWorthIt(queued: QueuedPod, event: ClusterEvent): boolean {
    if (isGated(queued.pod)) return false
    if (queued.rejectedBy.size === 0 || event.kind === 'any') return true
    for (const name of queued.rejectedBy) {
      if (this.#plugins.get(name)?.isWokenBy?.(event, queued.pod, this.#options.objects)) return true
    }
    return false
  }

  #requeue(queued: QueuedPod): void {
    if (queued.backoffUntilMs <= this.#options.clock.now()) {
      this.#activate(queued)
      return
    }
    this.#move(queued, 'back-off')
    this.#backoff.push(this.#entry(queued, queued.backoffUntilMs))
    this.#armBackoff()
    this.#options.onReady()
  }

  #activate(queued: QueuedPod): void {
    if (isGated(queued.pod) || this.#options.isHeld(queued.pod)) {
      this.#park(queued)
      return
    }
    this.#move(queued, 'active')
    this.#active.push(this.#entry(queued, queued.timestampMs))
    this.#options.onReady()
  }

  #park(queued: QueuedPod): void {
    this.#move(queued, 'unschedulable')
    this.#unschedulable.add(queued)
    this.#flushTimer ??= this.#options.clock.setTimer(() => this.#flush(), FLUSH_INTERVAL_MS)
  }

  #move(queued: QueuedPod, place: Place): void {
    if (queued.place === 'unschedulable') this.#unschedulable.delete(queued)
    queued.place = place
    queued.ticket = ++this.#tickets
  }

  #entry(queued: QueuedPod, keyMs: number): Entry {
    return { queued, ticket: queued.ticket, priority: podPriority(queued.pod), keyMs }
  }

  #armBackoff(): void {
    this.#backoffTimer?.cancel()
    this.#backoffTimer = undefined
    while (this.#backoff.least && !isCurrent(this.#backoff.least)) this.#backoff.pop()
    const next = this.#backoff.least
    if (!next) return
    const delay = Math.max(next.keyMs - this.#options.clock.now(), 0)
    this.#backoffTimer = this.#options.clock.setTimer(() => this.#endBackoffs(), delay)
  }

  #endBackoffs(): void {
    const now = this.#options.clock.now()
    for (let next = this.#backoff.least; next && next.keyMs <= now; next = this.#backoff.least) {
      this.#backoff.pop()
      if (isCurrent(next)) this.#activate(next.queued)
    }
    this.#armBackoff()
  }

  #flush(): void {
    this.#flushTimer = undefined
    const before = this.#options.clock.now() - MAX_UNSCHEDULABLE_MS
    for (const queued of [...this.#unschedulable]) {
      if (queued.timestampMs >= before || isGated(queued.pod)) continue
      queued.wakers.add(later(queued.cause, 'timer'))
      this.#requeue(queued)
    }
    if (this.#unschedulable.size > 0) {
      this.#flushTimer = this.#options.clock.setTimer(() => this.#flush(), FLUSH_INTERVAL_MS)
    }
  }
}

function causeOf(event: ClusterEvent): Cause {
  const object = event.kind === 'any' ? undefined : (event.new ?? event.old)
  return object ? causedByChange(object) : { revisions: [] }
}

function isGated(pod: Pod): boolean {
  return (pod.spec?.schedulingGates?.length ?? 0) > 0
}
