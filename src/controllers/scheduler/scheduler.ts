import type { Clock } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Binding, Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { Client, ObjectKey, ResourceRef, Typed } from '../runtime/client.ts'
import { InformerSet } from '../runtime/informer-set.ts'
import type { Logger } from '../runtime/logger.ts'
import {
  CSI_NODES,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  POD_DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  SERVICES,
  STATEFUL_SETS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from '../runtime/resources.ts'
import { noMetrics, type RuntimeMetrics } from '../runtime/runtime-metrics.ts'
import { SeriesEventRecorder } from '../runtime/series-event-recorder.ts'
import { nodeEvents, podEvents } from './cluster-events.ts'
import { ClusterState } from './cluster-state.ts'
import { type FitFailure, fitMessage } from './fit-failure.ts'
import { Nominations } from './nominations.ts'
import { isForScheduler, Placer } from './placement.ts'
import type { Cycle, NodeFilter } from './plugin.ts'
import { defaultPlugins } from './plugins/default-plugins.ts'
import { VolumeBinder, type VolumePlan } from './plugins/volume-binder.ts'
import { VolumeFilter } from './plugins/volume-binding.ts'
import { isFinished, type PodInfo, podInfo, podPriority } from './pod-info.ts'
import { writePodStatus } from './pod-status-writer.ts'
import { outbidNominations, preempt } from './preemption.ts'
import { PreemptionExecutor } from './preemption-executor.ts'
import { CSI_DRIVERS, CSI_STORAGE_CAPACITIES } from './resources.ts'
import { type AttemptResult, noSchedulerMetrics, type SchedulerMetrics } from './scheduler-metrics.ts'
import { type QueuedPod, SchedulingQueue } from './scheduling-queue.ts'

export interface SchedulerOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Pods that ask for it by this name; default `default-scheduler`. */
  readonly schedulerName?: string
  readonly metrics?: SchedulerMetrics
  /** Told of its informers. */
  readonly runtimeMetrics?: RuntimeMetrics
}

/** A running scheduler. */
export interface RunningScheduler {
  /** Resolves once it knows the cluster. */
  readonly synced: Promise<void>
  stop(): void
}

/** Cycles in a row before others get a turn in the process. */
const SLICE_MS = 8
/** Longest note of an Event. */
const MAX_NOTE = 1024
/** Bindings under way before the scheduler waits for some to end. */
const MAX_BINDINGS = 256

/** Whose change of mind helps where there are no nodes at all: one that any new node wakes. */
const NO_NODES: ReadonlySet<string> = new Set(['NodeName'])

/** What else than pods and nodes wakes pods. */
const OTHER_SOURCES: readonly ResourceRef[] = [
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  STORAGE_CLASSES,
  CSI_NODES,
  CSI_DRIVERS,
  CSI_STORAGE_CAPACITIES,
  VOLUME_ATTACHMENTS,
]
/** What is only read. */
const READS: readonly ResourceRef[] = [
  NAMESPACES,
  SERVICES,
  REPLICATION_CONTROLLERS,
  REPLICA_SETS,
  STATEFUL_SETS,
  POD_DISRUPTION_BUDGETS,
]

/** Starts a scheduler with upstream's default profile. The client's user is to be `system:kube-scheduler`. */
export function startScheduler(client: Client, options: SchedulerOptions): RunningScheduler {
  return new Scheduler(client, options)
}

/**
 * Gives every pod a node: one pod at a time is placed, in memory and at once; binding follows on its own.
 *
 * @see kubernetes pkg/scheduler/schedule_one.go, eventhandlers.go
 */
class Scheduler implements RunningScheduler {
  readonly synced: Promise<void>
  readonly #client: Client
  readonly #clock: Clock
  readonly #log: Logger
  readonly #name: string
  readonly #metrics: SchedulerMetrics
  readonly #informers: InformerSet
  readonly #events: SeriesEventRecorder
  readonly #cluster = new ClusterState()
  readonly #nominations = new Nominations()
  readonly #binder: VolumeBinder
  readonly #placer: Placer
  readonly #queue: SchedulingQueue
  readonly #executor: PreemptionExecutor
  #bindings = 0
  #isReady = false
  #isScheduled = false
  #isStopped = false

  constructor(client: Client, options: SchedulerOptions) {
    const { clock, log, schedulerName = 'default-scheduler', metrics = noSchedulerMetrics } = options
    this.#client = client
    this.#clock = clock
    this.#log = log
    this.#name = schedulerName
    this.#metrics = metrics
    this.#informers = new InformerSet({ client, clock, logger: log, metrics: options.runtimeMetrics ?? noMetrics })
    this.#events = new SeriesEventRecorder({ client, clock, logger: log, controller: schedulerName })
    const objects = this.#informers
    this.#binder = new VolumeBinder(objects, clock)
    const plugins = defaultPlugins(this.#binder)
    this.#placer = new Placer(plugins, this.#nominations)
    this.#executor = new PreemptionExecutor({
      client,
      clock,
      log,
      objects,
      events: this.#events,
      onFailure: (uid) => this.#queue.activate(uid),
    })
    this.#queue = new SchedulingQueue({
      clock,
      plugins,
      objects,
      isHeld: (pod) => this.#executor.isRunningFor(pod),
      onReady: () => this.#wake(),
    })
    metrics.started(schedulerName, {
      pendingPods: () => this.#queue.counts(),
      cacheSize: () => this.#cluster.size,
    })
    this.#watch()
    this.synced = this.#informers.synced().then(() => {
      this.#isReady = true
      this.#wake()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#informers.stop()
    this.#events.stop()
    this.#queue.close()
  }

  #watch(): void {
    for (const resource of READS) this.#informers.informer(resource)
    this.#informers.informer(NODES).addHandler({
      set: (node, old) => this.#nodeSet(node, old),
      remove: (node) => this.#nodeGone(node),
    })
    for (const resource of OTHER_SOURCES) {
      const changed = (object: KubeObject | undefined, old: KubeObject | undefined): void => {
        this.#queue.event({
          kind: 'object',
          resource: resource.resource,
          ...(old ? { old } : {}),
          ...(object ? { new: object } : {}),
        })
        this.#binder.recheck()
      }
      this.#informers.informer(resource).addHandler({
        set: (object, old) => changed(object, old),
        remove: (object) => changed(undefined, object),
      })
    }
    this.#informers.informer(PODS).addHandler({
      set: (pod, old) => this.#podSet(pod, old),
      remove: (pod) => this.#podGone(pod),
    })
  }

  #nodeSet(node: Node, old: Node | undefined): void {
    this.#cluster.setNode(node)
    if (!old) this.#queue.event({ kind: 'node', new: node })
    else for (const event of nodeEvents(old, node)) this.#queue.event(event)
  }

  #nodeGone(node: Node): void {
    this.#queue.event({ kind: 'node', old: node })
    this.#cluster.removeNode(node.metadata.name ?? '')
  }

  #podSet(pod: Typed<Pod>, old: Typed<Pod> | undefined): void {
    if (old && (old.metadata.uid !== pod.metadata.uid || (isFinished(pod) && !isFinished(old)))) {
      this.#podGone(old)
      old = undefined
    }
    if (isFinished(pod)) return
    if (pod.spec?.nodeName) this.#assignedPodSet(pod, old)
    else if (isForScheduler(pod, this.#name)) this.#waitingPodSet(pod, old)
  }

  #assignedPodSet(pod: Pod, old: Pod | undefined): void {
    this.#cluster.setPod(pod)
    const uid = pod.metadata.uid ?? ''
    if (!old?.spec?.nodeName) {
      this.#queue.delete(uid)
      this.#nominations.delete(uid)
      this.#queue.event({ kind: 'pod', new: pod, assigned: true })
    } else if (this.#queue.hasUnschedulable) {
      for (const event of podEvents(old, pod)) this.#queue.event(event)
    }
  }

  #waitingPodSet(pod: Pod, old: Pod | undefined): void {
    const uid = pod.metadata.uid ?? ''
    if (this.#cluster.isAssumed(uid)) {
      if (pod.metadata.deletionTimestamp && !old?.metadata.deletionTimestamp) this.#forgetDeleted(pod)
      return
    }
    const nominated = pod.status?.nominatedNodeName
    if (nominated) this.#nominations.set(podInfo(pod), nominated)
    if (!old) {
      this.#queue.add(pod)
      return
    }
    this.#queue.update(old, pod, podEvents(old, pod))
    const before = old.status?.nominatedNodeName
    if (!before || before === nominated) return
    if (!nominated) this.#nominations.delete(uid)
    this.#roomMade(old)
  }

  /** What was kept for a pod is free for others of no higher priority. */
  #roomMade(pod: Pod): void {
    const priority = podPriority(pod)
    const concerns = (other: Pod): boolean => podPriority(other) <= priority
    this.#queue.event({ kind: 'pod', old: pod, assigned: true }, concerns)
  }

  #forgetDeleted(pod: Pod): void {
    const info = this.#cluster.removePod(pod.metadata.uid ?? '')
    if (info) this.#queue.event({ kind: 'pod', old: assigned(info.pod, '?'), assigned: true })
  }

  #podGone(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    this.#queue.delete(uid)
    this.#nominations.delete(uid)
    this.#binder.recheck()
    const known = this.#cluster.removePod(uid)
    if (pod.spec?.nodeName) this.#queue.event({ kind: 'pod', old: pod, assigned: true })
    else if (known) this.#queue.event({ kind: 'pod', old: assigned(pod, '?'), assigned: true })
    else if (pod.status?.nominatedNodeName) this.#roomMade(pod)
  }

  #wake(): void {
    if (this.#isScheduled || !this.#isReady || this.#isStopped) return
    this.#isScheduled = true
    setImmediate(() => this.#run())
  }

  #run(): void {
    this.#isScheduled = false
    const until = performance.now() + SLICE_MS
    while (!this.#isStopped && this.#bindings < MAX_BINDINGS) {
      const queued = this.#queue.pop()
      if (!queued) return
      this.#scheduleOne(queued)
      if (performance.now() >= until) break
    }
    if (this.#bindings < MAX_BINDINGS) this.#wake()
  }

  #scheduleOne(queued: QueuedPod): void {
    const { pod } = queued
    if (pod.metadata.deletionTimestamp) {
      const { namespace, name } = pod.metadata
      this.#recordFailure(pod, `skip schedule deleting pod: ${namespace}/${name}`)
      return
    }
    const cycle: Cycle = { pod, info: podInfo(pod), cluster: this.#cluster, objects: this.#informers }
    try {
      if (this.#cluster.nodes.length === 0) {
        this.#unschedulable(queued, NO_NODES, 'no nodes available to schedule pods', '')
        return
      }
      const placement = this.#placer.place(cycle)
      this.#metrics.searched(performance.now() - queued.attemptAt)
      if ('failure' in placement) this.#doesNotFit(queued, cycle, placement.failure)
      else this.#assume(queued, cycle.info, placement.node.name, placement.filters)
    } catch (error) {
      this.#failed(queued, error)
    }
  }

  #doesNotFit(queued: QueuedPod, cycle: Cycle, failure: FitFailure): void {
    const { pod } = queued
    const outcome = preempt(cycle, failure, {
      budgets: this.#informers.list(POD_DISRUPTION_BUDGETS),
      nominations: this.#nominations,
      nowMs: this.#clock.now(),
    })
    if ('message' in outcome) {
      const message = fitMessage(failure, outcome.message)
      this.#unschedulable(queued, failure.plugins, message, outcome.clearsNomination ? '' : undefined)
      return
    }
    const { candidate } = outcome
    this.#metrics.preempted(candidate.victims.length)
    const outbid = outbidNominations(pod, candidate.node, this.#nominations)
    this.#executor.start(pod, candidate, { outbid, cause: queued.cause })
    this.#nominations.set(cycle.info, candidate.node)
    this.#unschedulable(queued, failure.plugins, fitMessage(failure), candidate.node)
  }

  #unschedulable(
    queued: QueuedPod,
    plugins: ReadonlySet<string>,
    message: string,
    nominatedNodeName: string | undefined,
  ): void {
    if (nominatedNodeName === '') this.#nominations.delete(queued.uid)
    this.#attempted(queued, 'unschedulable')
    this.#queue.rejected(queued, plugins)
    this.#report(queued, 'Unschedulable', message, nominatedNodeName)
  }

  #failed(queued: QueuedPod, error: unknown): void {
    const message = (error as Error).message
    this.#log.warn({ err: error, pod: queued.pod.metadata.name }, 'error scheduling pod')
    this.#attempted(queued, 'error')
    this.#queue.rejected(queued, new Set())
    this.#nominations.delete(queued.uid)
    this.#report(queued, 'SchedulerError', message, '')
  }

  #attempted({ attemptAt }: QueuedPod, result: AttemptResult): void {
    this.#metrics.attempted(this.#name, result, performance.now() - attemptAt)
  }

  #report(queued: QueuedPod, reason: string, message: string, nominatedNodeName: string | undefined): void {
    const { pod, cause } = queued
    const note = message.length <= MAX_NOTE ? message : `${message.slice(0, MAX_NOTE - 4)} ...`
    this.#recordFailure(pod, note)
    const condition = { type: 'PodScheduled', status: 'False', reason, message }
    const news = { condition, ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }) }
    writePodStatus(this.#client.causedBy(cause), this.#clock, pod, news).catch((error: unknown) => {
      this.#log.warn({ err: error, pod: pod.metadata.name }, 'could not write the status of a pod')
    })
  }

  #recordFailure(pod: Pod, note: string): void {
    const action = 'Scheduling'
    this.#events.record({ regarding: typed(pod), type: 'Warning', reason: 'FailedScheduling', action, note })
  }

  #assume(queued: QueuedPod, info: PodInfo, nodeName: string, filters: readonly NodeFilter[]): void {
    const pod = assigned(queued.pod, nodeName)
    const wanted = filters.find((f) => f instanceof VolumeFilter)?.plan(nodeName)
    const plan = wanted && this.#binder.assume(wanted, nodeName)
    this.#cluster.assume({ ...info, pod }, nodeName)
    this.#nominations.delete(queued.uid)
    this.#queue.event({ kind: 'pod', new: pod, assigned: true })
    this.#bindings++
    this.#bind(queued, nodeName, plan)
      .catch((error: unknown) => this.#bindingFailed(queued, plan, error))
      .finally(() => {
        this.#bindings--
        if (this.#bindings === MAX_BINDINGS - 1) this.#wake()
      })
  }

  async #bind(queued: QueuedPod, nodeName: string, plan: VolumePlan | undefined): Promise<void> {
    const { pod, cause, attempts, firstAttemptAt } = queued
    const client = this.#client.causedBy(cause)
    const { namespace = '', name = '', uid } = pod.metadata
    if (plan) {
      // Binding volumes takes time: the choice is made known, so that others leave the room.
      await writePodStatus(client, this.#clock, pod, { nominatedNodeName: nodeName })
      await wrapped('running PreBind plugin "VolumeBinding"', this.#binder.bind(client, pod, plan, nodeName))
    }
    const binding: Typed<Binding> = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, ...(uid ? { uid } : {}) },
      target: { kind: 'Node', name: nodeName },
    }
    const key: ObjectKey = { namespace, name }
    await wrapped('running Bind plugin "DefaultBinder"', client.createSubresource(PODS, key, 'binding', binding))
    this.#attempted(queued, 'scheduled')
    this.#metrics.bound(attempts, performance.now() - firstAttemptAt)
    if (this.#isStopped) return
    const note = `Successfully assigned ${namespace}/${name} to ${nodeName}`
    this.#events.record({ regarding: typed(pod), type: 'Normal', reason: 'Scheduled', action: 'Binding', note })
  }

  #bindingFailed(queued: QueuedPod, plan: VolumePlan | undefined, error: unknown): void {
    if (this.#isStopped) return
    if (plan) this.#binder.revert(plan)
    const { uid, pod } = queued
    const isKnown = this.#cluster.isAssumed(uid)
    this.#cluster.forget(uid)
    if (isKnown) this.#queue.event({ kind: 'pod', old: assigned(pod, '?'), assigned: true })
    // A pod that went in the meantime, or is on a node after all, needs no other try.
    if (this.#queue.has(uid)) this.#failed(queued, error)
  }
}

/** The pod as it is once it has a node; shares the rest with the original. */
function assigned(pod: Pod, nodeName: string): Pod {
  return { ...pod, spec: { ...pod.spec!, nodeName } }
}

async function wrapped<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error })
  }
}

function typed(pod: Pod): Typed<Pod> {
  return pod as Typed<Pod>
}
