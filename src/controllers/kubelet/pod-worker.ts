import { type Cause, CauseCollector, causedByChange, later } from '../../apimachinery/cause.ts'
import { formatTime, parseTime, type Timer } from '../../apimachinery/clock.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import type { Container, LifecycleHandler, Pod, Probe } from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'
import { behaviourOf } from './behaviour.ts'
import { missingEnvironment, missingMount } from './container-config.ts'
import { ContainerRun, restarts } from './container-run.ts'
import { formatSeconds } from './duration.ts'
import type { ConfigData } from './environment.ts'
import { fullImageName, imageSize } from './image-reference.ts'
import { configNamesOf, readConfig } from './mounted-files.ts'
import {
  IN_PROGRESS,
  needsRestart,
  pendingCondition,
  type ResizeCondition,
  resizedContainers,
  resizeMessage,
} from './pod-resize.ts'
import { type PodFacts, podStatus } from './pod-status.ts'
import { containerProgram } from './process.ts'
import { runProcess } from './process-runner.ts'
import type { SimulatedNode } from './simulated-node.ts'

type Ended = (exitCode: number, reason?: string) => void

/** How soon a kubelet looks again for what is missing. */
const CONFIG_RETRY_MS = 2000
/** What a container's volumes were made of a moment ago is good for its environment. */
const CONFIG_FRESH_MS = 100
/** How long it takes until a container runs with other resources. */
const RESIZE_MS = 20
/** What a process exits with that is killed by signal 9. */
const KILLED = 137

/**
 * The life of one pod on a simulated node: sandbox, images, init containers and sidecars in order, containers, probes,
 * restarts, and its end. State only: whoever owns it writes {@link status} when told that it changed, as often as it
 * can, so that states that nobody had time to write are skipped.
 *
 * @see kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions, SyncPod
 */
export class PodWorker {
  readonly uid: string
  readonly node: SimulatedNode
  /** As the API has it last. */
  pod: Typed<Pod>
  readonly containers: ContainerRun[]
  /** What has changed its state since that was written last. */
  readonly causes = new CauseCollector()
  /** The last change by others: what the worker does, at once or in its time, it does because of that. */
  #setOffBy: Cause
  /** Time has passed since that change: what comes now comes of a timer, if only in the end. */
  #isLater = false
  #podIp = ''
  #hasSandbox = false
  #isStopping = false
  #isTerminal = false
  #resize: readonly ResizeCondition[] = []
  #failure: { readonly reason: string; readonly message: string } | undefined
  /** What was read last. */
  #config: { readonly names: string; readonly atMs: number; readonly data: ConfigData } | undefined
  readonly #startTime: string
  readonly #timers: Timer[] = []
  readonly #listeners: Set<() => void> = new Set()

  constructor(node: SimulatedNode, pod: Typed<Pod>) {
    this.node = node
    this.pod = pod
    this.#setOffBy = causedByChange(pod)
    this.uid = pod.metadata.uid ?? ''
    this.#startTime = pod.status?.startTime ?? formatTime(node.timeline.now())
    const { initContainers = [], containers = [] } = pod.spec ?? {}
    const waiting = initContainers.length > 0 ? 'PodInitializing' : 'ContainerCreating'
    const run = (container: Container, role: ContainerRun['role']) =>
      new ContainerRun(container, role, behaviourOf(pod, container), waiting)
    this.containers = [
      ...initContainers.map((c) => run(c, c.restartPolicy === 'Always' ? 'sidecar' : 'init')),
      ...containers.map((c) => run(c, 'main')),
    ]
  }

  get key(): string {
    return `${this.pod.metadata.namespace}/${this.pod.metadata.name}`
  }

  get podIp(): string {
    return this.#podIp
  }

  /** Nothing of it runs or ever will: a pod that is being deleted may go. */
  get isTerminal(): boolean {
    return this.#isTerminal
  }

  get #policy(): string {
    return this.pod.spec?.restartPolicy ?? 'Always'
  }

  get #facts(): PodFacts {
    return {
      containers: this.containers,
      hostIp: this.node.ip,
      podIp: this.#podIp,
      startTime: this.#startTime,
      hasSandbox: this.#hasSandbox,
      isTerminal: this.#isTerminal,
      resize: this.#isStopping ? [] : this.#resize,
      ...(this.#failure ? { failure: this.#failure } : {}),
    }
  }

  status() {
    return podStatus(this.pod, this.#facts, this.node.timeline.now())
  }

  /** Begins: sandbox, address, first containers. In a rush, the state in between is not worth a write. */
  start(inRush = false): void {
    this.#hasSandbox = true
    this.#podIp = this.pod.spec?.hostNetwork ? this.node.ip : this.node.addresses.take()
    const deadline = this.pod.spec?.activeDeadlineSeconds
    if (deadline !== undefined) {
      const age = this.node.timeline.now() - parseTime(this.#startTime)
      this.#timers.push(this.node.timeline.after(deadline * 1000 - age, () => this.#overDeadline()))
    }
    if (!inRush) this.#changed()
    this.#advance()
  }

  /** The node will not run it. @see kubernetes pkg/kubelet/kubelet.go rejectPod */
  reject(reason: string, message: string): void {
    this.containers.length = 0
    this.#failure = { reason, message: `Pod was rejected: ${message}` }
    this.#isTerminal = true
    this.node.record(this.pod, 'Warning', reason, message)
    this.#changed()
  }

  /** The pod has changed in the API: ephemeral containers, deletion, behaviour of what starts from now on. */
  update(pod: Typed<Pod>): void {
    if (changesMoreThanStatus(this.pod, pod)) {
      this.#setOffBy = causedByChange(pod)
      this.#isLater = false
    }
    this.pod = pod
    if (this.#failure || this.#isStopping) return
    for (const container of pod.spec?.ephemeralContainers ?? []) {
      if (this.containers.some((run) => run.name === container.name)) continue
      const spec = container as Container
      this.containers.push(new ContainerRun(spec, 'ephemeral', behaviourOf(pod, spec), 'ContainerCreating'))
    }
    this.#checkResources()
    this.#advance()
  }

  /** The node has more room, or less. */
  roomChanged(): void {
    if (this.#resize.some(({ type }) => type === 'PodResizePending')) this.#checkResources()
  }

  /** Gives containers the resources that the pod has for them now, as far as the node has them. */
  #checkResources(): void {
    if (this.#isStopping || this.#failure) return
    const resized = resizedContainers(this.pod, this.containers)
    const wasPending = this.#resize.find(({ type }) => type === 'PodResizePending')
    if (resized.length === 0) {
      if (!wasPending) return
      this.#resize = this.#resize.filter((c) => c !== wasPending)
      this.#changed()
      return
    }
    const refusal = this.node.resize(this.pod)
    if (refusal) {
      const { reason, message } = refusal
      if (wasPending?.reason === reason && wasPending.message === message) return
      this.#resize = [pendingCondition(refusal), ...this.#resize.filter((c) => c.type !== 'PodResizePending')]
      this.node.record(this.pod, 'Warning', `Resize${reason}`, resizeMessage(reason, this.pod, message))
      this.#changed()
      return
    }
    for (const [run, wanted] of resized) run.container = { ...run.container, resources: wanted.resources }
    this.#resize = [IN_PROGRESS]
    this.node.record(this.pod, 'Normal', 'ResizeStarted', resizeMessage('started', this.pod))
    this.#changed()
    this.#timers.push(this.node.timeline.after(RESIZE_MS, () => this.#actuate()))
  }

  /** Lets containers run with what they were given; those whose policy says so are started anew. */
  #actuate(): void {
    if (this.#isStopping || this.#failure) return
    for (const run of this.containers) {
      const { container, actual } = run
      const isChanged = !equalJson(actual ?? {}, container.resources ?? {})
      if (!isChanged) continue
      const isRestarted = run.isRunning && needsRestart(container, actual, container.resources)
      run.actual = container.resources
      if (!isRestarted) continue
      this.#record(run, 'Normal', 'Killing', `Container ${run.name} resize requires restart`)
      run.crashBackoff.reset()
      this.#ended(run, KILLED)
    }
    this.#resize = this.#resize.filter(({ type }) => type !== 'PodResizeInProgress')
    this.node.record(this.pod, 'Normal', 'ResizeCompleted', resizeMessage('completed', this.pod))
    this.#changed()
  }

  /** Takes the end of everything back into the pool; the worker is not used any more. */
  dispose(): void {
    for (const timer of this.#timers) timer.cancel()
    for (const run of this.containers) run.cancelTimers()
    this.#releaseAddress()
    this.#isTerminal = true
    this.#isStopping = true
    for (const run of this.containers) if (run.isRunning) run.end(this.node.timeline.now(), KILLED)
    for (const listener of [...this.#listeners]) listener()
  }

  #releaseAddress(): void {
    if (this.#podIp !== '' && !this.pod.spec?.hostNetwork) this.node.addresses.release(this.#podIp)
    this.#hasSandbox = false
  }

  #changed(): void {
    this.#noteTime()
    this.causes.add(this.#isLater ? later(this.#setOffBy, 'timer') : this.#setOffBy)
    this.node.changed(this)
    for (const listener of [...this.#listeners]) listener()
  }

  /** Calls back after every change of state. The returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** An Event about a container. */
  #record(run: ContainerRun, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.node.record(this.pod, type, reason, message, run.fieldPath)
  }

  #later(run: ContainerRun, delayMs: number, work: () => void): void {
    // Nothing to wait for: the next state follows in the same turn, and only that is written.
    if (delayMs <= 0) work()
    else run.keep(this.node.timeline.after(delayMs, work))
  }

  /** Starts what can be started now. */
  #advance(): void {
    if (this.#isStopping || this.#failure) return
    let isInitialized = true
    for (const run of this.containers) {
      if (run.role === 'ephemeral') {
        if (!run.terminated) this.#begin(run)
        continue
      }
      if (run.role === 'main') {
        if (isInitialized) this.#begin(run)
        continue
      }
      if (!isInitialized) continue
      const isDone = run.role === 'sidecar' ? run.isStarted === true : run.terminated?.exitCode === 0
      if (run.role === 'sidecar' || !isDone) this.#begin(run)
      isInitialized = run.role === 'sidecar' ? run.isStarted === true : run.terminated?.exitCode === 0
    }
    this.#checkEnd()
  }

  /** Starts a container, now or after its back-off, unless it runs, is on its way or has ended for good. */
  #begin(run: ContainerRun): void {
    if (run.isRunning || run.isBusy) return
    const ended = run.terminated
    if (ended && !restarts(this.#policy, run, ended.exitCode)) return
    run.isBusy = true
    if (!ended) {
      this.#mount(run)
      return
    }
    const now = this.node.timeline.now()
    const wait = run.crashBackoff.ms
    const left = wait === 0 ? 0 : parseTime(ended.finishedAt ?? '') + wait - now
    if (left <= 0) {
      run.crashBackoff.next(now)
      this.#pull(run)
      return
    }
    const pod = `${this.pod.metadata.name}_${this.pod.metadata.namespace}(${this.uid})`
    run.wait('CrashLoopBackOff', `back-off ${formatSeconds(wait)} restarting failed container=${run.name} pod=${pod}`)
    this.#record(run, 'Warning', 'BackOff', `Back-off restarting failed container ${run.name} in pod ${pod}`)
    this.#changed()
    run.keep(
      this.node.timeline.after(left, () => {
        run.crashBackoff.next(this.node.timeline.now())
        this.#pull(run)
      }),
    )
  }

  /** Waits until the ConfigMaps and Secrets of its volumes are there. */
  #mount(run: ContainerRun): void {
    const names = configNamesOf(this.pod, run.container)
    if (names.size === 0) this.#pull(run)
    else void this.#mountConfig(run, names)
  }

  async #mountConfig(run: ContainerRun, names: ReadonlySet<string>): Promise<void> {
    const config = await this.#readConfig(names)
    if (this.#isStopping || !run.isBusy) return
    const missing = config ? missingMount(this.pod, run.container, config) : 'timed out waiting for the condition'
    if (missing === undefined) {
      this.#pull(run)
      return
    }
    this.node.record(this.pod, 'Warning', 'FailedMount', missing)
    run.keep(this.node.timeline.after(CONFIG_RETRY_MS, () => this.#mount(run)))
  }

  #noteTime(): void {
    if (this.node.timeline.isTicking) this.#isLater = true
  }

  /** Undefined where the API could not be asked. */
  async #readConfig(names: ReadonlySet<string>): Promise<ConfigData | undefined> {
    this.#noteTime()
    const wanted = [...names].join()
    const atMs = this.node.timeline.now()
    const known = this.#config
    if (known && known.names === wanted && atMs - known.atMs < CONFIG_FRESH_MS) return known.data
    try {
      const data = await readConfig(this.node.client, this.pod.metadata.namespace ?? '', names)
      this.#config = { names: wanted, atMs, data }
      return data
    } catch {
      return undefined
    }
  }

  /** @see kubernetes pkg/kubelet/images/image_manager.go */
  #pull(run: ContainerRun): void {
    const image = run.container.image ?? ''
    const { pullFailure, pullMs } = run.behaviour
    const always = run.container.imagePullPolicy === 'Always'
    if (!always && this.node.hasImage(image)) {
      const message = `Container image "${image}" already present on machine and can be accessed by the pod`
      this.#record(run, 'Normal', 'Pulled', message)
      this.#create(run)
      return
    }
    if (run.container.imagePullPolicy === 'Never' && pullFailure !== undefined) {
      const message = `Container image "${image}" is not present with pull policy of Never`
      this.#record(run, 'Warning', 'ErrImageNeverPull', message)
      this.#pullFailed(run, 'ErrImageNeverPull', message)
      return
    }
    this.#record(run, 'Normal', 'Pulling', `Pulling image "${image}"`)
    this.#later(run, pullMs, () => {
      if (pullFailure !== undefined) {
        const message = pullMessage(image, pullFailure)
        this.#record(run, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`)
        this.#pullFailed(run, 'ErrImagePull', message)
        return
      }
      const took = pullMs < 1000 ? `${Math.round(pullMs)}ms` : `${pullMs / 1000}s`
      const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${imageSize(image)} bytes.`
      this.#record(run, 'Normal', 'Pulled', message)
      this.node.addImage(image)
      this.#create(run)
    })
  }

  #pullFailed(run: ContainerRun, reason: string, message: string): void {
    run.wait(reason, message)
    this.#record(run, 'Warning', 'Failed', `Error: ${reason}`)
    this.#changed()
    const image = run.container.image ?? ''
    const wait = run.pullBackoff.next(this.node.timeline.now())
    if (reason === 'ErrImagePull') {
      // The kubelet looks again soon after, and finds that it has to wait.
      this.#later(run, Math.min(1000, wait / 2), () => {
        run.wait('ImagePullBackOff', `Back-off pulling image "${image}": ${reason}: ${message}`)
        this.#record(run, 'Normal', 'BackOff', `Back-off pulling image "${image}"`)
        this.#record(run, 'Warning', 'Failed', 'Error: ImagePullBackOff')
        this.#changed()
      })
    }
    run.keep(this.node.timeline.after(wait, () => this.#retryPull(run)))
  }

  #retryPull(run: ContainerRun): void {
    run.cancelTimers()
    const behaviour = behaviourOf(this.pod, run.container)
    Object.assign(run, { behaviour })
    this.#pull(run)
  }

  #create(run: ContainerRun): void {
    this.#later(run, run.behaviour.startMs, () => {
      const names = configNamesOf(this.pod, run.container)
      if (names.size === 0) this.#started(run, new Map())
      else void this.#createWith(run, names)
    })
  }

  async #createWith(run: ContainerRun, names: ReadonlySet<string>): Promise<void> {
    const config = await this.#readConfig(names)
    if (this.#isStopping || !run.isBusy) return
    const missing = config ? missingEnvironment(this.pod, run.container, config) : 'failed to sync configmap cache'
    if (config && missing === undefined) {
      this.#config = undefined
      this.#started(run, config)
      return
    }
    run.wait('CreateContainerConfigError', missing)
    this.#record(run, 'Warning', 'Failed', `Error: ${missing}`)
    this.#changed()
    run.keep(this.node.timeline.after(CONFIG_RETRY_MS, () => this.#pull(run)))
  }

  #started(run: ContainerRun, config: ConfigData): void {
    run.run(this.node.timeline.now())
    this.#record(run, 'Normal', 'Created', 'Container created')
    this.#record(run, 'Normal', 'Started', 'Container started')
    this.#running(run, config)
    this.#changed()
  }

  /** Sets off all that will happen to a container while it runs. */
  #running(run: ContainerRun, config: ConfigData): void {
    const { behaviour, container } = run
    const { timeline } = this.node
    const ended: Ended = (exitCode, reason) => this.#ended(run, exitCode, reason)
    const isCrash = run.restartCount < behaviour.crashTimes
    if (isCrash) run.keep(timeline.after(behaviour.crashAfterMs, () => ended(behaviour.crashExitCode)))
    else if (behaviour.runForMs !== undefined) {
      run.keep(timeline.after(behaviour.runForMs, () => ended(behaviour.exitCode ?? 0)))
    }
    if (behaviour.oomAfterMs !== undefined) {
      run.keep(timeline.after(behaviour.oomAfterMs, () => ended(KILLED, 'OOMKilled')))
    }
    this.#probe(run)
    this.#log(run)
    const mayEnd = !isCrash && behaviour.runForMs === undefined
    const forever = (this.#policy === 'Always' && run.role !== 'init') || behaviour.oomAfterMs !== undefined
    const source = { pod: this.pod, container, hostIp: this.node.ip, podIp: this.#podIp }
    const program = containerProgram({ ...source, config, forever })
    runProcess(run, program, timeline, mayEnd ? (code) => ended(behaviour.exitCode ?? code) : () => {})
  }

  #log(run: ContainerRun): void {
    const { log, logEveryMs } = run.behaviour
    if (log === undefined) return
    const { timeline } = this.node
    const target = run.log
    const write = (): void => {
      target.write(timeline.now(), 'stdout', `${log}\n`)
      if (logEveryMs !== undefined && logEveryMs > 0 && run.isRunning) run.keep(timeline.after(logEveryMs, write))
    }
    write()
  }

  /** Startup, readiness and liveness: probes succeed, unless the behaviour says otherwise. */
  #probe(run: ContainerRun): void {
    const { behaviour, container } = run
    const { startupProbe, readinessProbe, livenessProbe } = container
    if (run.role === 'init') {
      run.isStarted = true
      return
    }
    run.isStarted = startupProbe === undefined
    run.isReady = false
    const ready = (): void => {
      run.isReady = true
      this.#changed()
      const { failReadinessAfterMs } = behaviour
      if (failReadinessAfterMs === undefined) return
      this.#later(run, failReadinessAfterMs + failingMs(readinessProbe), () => {
        run.isReady = false
        this.#record(run, 'Warning', 'Unhealthy', `Readiness probe failed: ${probeOutput(readinessProbe)}`)
        this.#changed()
      })
    }
    const started = (): void => {
      const was = run.isStarted
      run.isStarted = true
      if (!was) this.#changed()
      this.#later(run, Math.max(behaviour.readyAfterMs, firstSuccessMs(readinessProbe)), ready)
      if (run.role === 'sidecar') this.#advance()
    }
    this.#later(run, firstSuccessMs(startupProbe), started)
    const { failLivenessAfterMs } = behaviour
    if (failLivenessAfterMs === undefined || !livenessProbe) return
    run.keep(
      this.node.timeline.after(failLivenessAfterMs + failingMs(livenessProbe), () => {
        this.#record(run, 'Warning', 'Unhealthy', `Liveness probe failed: ${probeOutput(livenessProbe)}`)
        const message = `Container ${run.name} failed liveness probe, will be restarted`
        this.#record(run, 'Normal', 'Killing', message)
        this.#ended(run, KILLED)
      }),
    )
  }

  #ended(run: ContainerRun, exitCode: number, reason?: string): void {
    if (!run.isRunning) return
    run.end(this.node.timeline.now(), exitCode, reason)
    this.#changed()
    if (this.#isStopping) return
    // The kubelet notices the end first, and acts on it in its next turn.
    run.isBusy = true
    run.keep(
      this.node.timeline.after(0, () => {
        run.isBusy = false
        this.#advance()
      }),
    )
  }

  /** Ends the pod once its containers have all ended for good; sidecars go last. */
  #checkEnd(): void {
    if (this.#isStopping || this.#isTerminal) return
    const isOver = (run: ContainerRun): boolean =>
      !run.isRunning &&
      !run.isBusy &&
      run.terminated !== undefined &&
      !restarts(this.#policy, run, run.terminated.exitCode)
    const failedInit = this.containers.some((r) => r.role === 'init' && isOver(r) && r.terminated!.exitCode !== 0)
    const main = this.containers.filter((run) => run.role === 'main')
    if (!failedInit && !(main.length > 0 && main.every(isOver))) return
    this.#isStopping = true
    this.#stopAll(this.pod.spec?.terminationGracePeriodSeconds ?? 30, () => {})
  }

  #overDeadline(): void {
    if (this.#isTerminal) return
    const message = 'Pod was active on the node longer than the specified deadline'
    this.#failure = { reason: 'DeadlineExceeded', message }
    this.node.record(this.pod, 'Normal', 'DeadlineExceeded', message)
    this.stop(this.pod.spec?.terminationGracePeriodSeconds ?? 30)
  }

  /** Stops the pod: hooks, signals, and the end of patience after the grace period. Does nothing the second time. */
  stop(graceSeconds: number): void {
    if (this.#isStopping) return
    this.#isStopping = true
    const say = (run: ContainerRun) => this.#record(run, 'Normal', 'Killing', `Stopping container ${run.name}`)
    this.#stopAll(graceSeconds, say)
  }

  #stopAll(graceSeconds: number, say: (run: ContainerRun) => void): void {
    for (const timer of this.#timers) timer.cancel()
    const first = this.containers.filter((run) => run.role !== 'sidecar')
    const sidecars = this.containers.filter((run) => run.role === 'sidecar').reverse()
    const stopNext = (): void => {
      const next = sidecars.shift()
      if (next) this.#stopContainer(next, graceSeconds, say, stopNext)
      else this.#stopped()
    }
    let left = first.length
    if (left === 0) stopNext()
    for (const run of first) {
      this.#stopContainer(run, graceSeconds, say, () => {
        if (--left === 0) stopNext()
      })
    }
  }

  #stopContainer(run: ContainerRun, graceSeconds: number, say: (run: ContainerRun) => void, done: () => void): void {
    run.cancelTimers()
    run.isBusy = false
    if (!run.isRunning) {
      done()
      return
    }
    say(run)
    run.isReady = false
    const graceMs = graceSeconds * 1000
    const takes = hookMs(run.container.lifecycle?.preStop) + run.behaviour.stopMs
    const isKilled = takes > graceMs
    const end = (): void => {
      this.#ended(run, isKilled ? KILLED : 0)
      done()
    }
    if (takes > 0) this.#changed()
    this.#later(run, Math.min(takes, graceMs), end)
  }

  #stopped(): void {
    this.#isTerminal = true
    this.#releaseAddress()
    this.#changed()
  }
}

function changesMoreThanStatus({ metadata: before }: Typed<Pod>, { metadata: after }: Typed<Pod>): boolean {
  return (
    before.generation !== after.generation ||
    before.deletionTimestamp !== after.deletionTimestamp ||
    !equalJson(before.annotations, after.annotations)
  )
}

/** When a probe that succeeds has done so often enough. */
function firstSuccessMs(probe: Probe | undefined): number {
  if (!probe) return 0
  return ((probe.initialDelaySeconds ?? 0) + ((probe.successThreshold ?? 1) - 1) * (probe.periodSeconds ?? 10)) * 1000
}

/** How long a probe has to fail before that counts. */
function failingMs(probe: Probe | undefined): number {
  return ((probe?.failureThreshold ?? 3) - 1) * (probe?.periodSeconds ?? 10) * 1000
}

function probeOutput(probe: Probe | undefined): string {
  if (probe?.httpGet) return 'HTTP probe failed with statuscode: 503'
  if (probe?.grpc) return 'service unhealthy (responded with "NOT_SERVING")'
  if (probe?.tcpSocket) return `dial tcp: connect: connection refused`
  return 'command exited with 1'
}

/** How long a hook takes: only a sleep does. */
function hookMs(hook: LifecycleHandler | undefined): number {
  if (hook?.sleep) return hook.sleep.seconds * 1000
  const command = hook?.exec?.command ?? []
  const sleep = /(?:^|\s)sleep\s+(\d+(?:\.\d+)?)/.exec(command.join(' '))
  return sleep ? Number(sleep[1]) * 1000 : 0
}

/** containerd's words for an image that is not there; anything but `true` and `not-found` is taken as said. */
function pullMessage(image: string, failure: string): string {
  if (failure !== 'true' && failure !== 'not-found') return failure
  const full = fullImageName(image)
  return `rpc error: code = NotFound desc = failed to pull and unpack image "${full}": failed to resolve reference "${full}": ${full}: not found`
}
