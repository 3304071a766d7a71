import { randomBytes } from 'node:crypto'
import { formatTime, type Timer } from '../../apimachinery/clock.ts'
import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  VolumeMountStatus,
} from '../../apimachinery/types/core-v1.ts'
import type { ContainerBehaviour } from './behaviour.ts'
import { ContainerLog } from './container-log.ts'
import type { ExecSession } from './exec-session.ts'
import { fullImageName, imageId } from './image-reference.ts'

type ContainerRole = 'init' | 'sidecar' | 'main' | 'ephemeral'

const FIELDS: Readonly<Record<ContainerRole, string>> = {
  init: 'initContainers',
  sidecar: 'initContainers',
  main: 'containers',
  ephemeral: 'ephemeralContainers',
}

/** First wait after a crash, doubled each time up to the longest; forgotten after a run of twice that. */
const FIRST_BACKOFF_MS = 10_000
const MAX_BACKOFF_MS = 300_000

/** A wait that doubles. @see client-go util/flowcontrol/backoff.go */
class Backoff {
  #ms = 0
  #lastMs = 0

  get ms(): number {
    return this.#ms
  }

  next(nowMs: number): number {
    if (this.#ms > 0 && nowMs - this.#lastMs > 2 * MAX_BACKOFF_MS) this.#ms = 0
    this.#ms = this.#ms === 0 ? FIRST_BACKOFF_MS : Math.min(this.#ms * 2, MAX_BACKOFF_MS)
    this.#lastMs = nowMs
    return this.#ms
  }

  reset(): void {
    this.#ms = 0
  }
}

/** One container of a pod on a simulated node: what it is at, and how the API shows that. */
export class ContainerRun {
  /** With the resources that it was given. */
  container: Container
  /** Resources that it runs with: they follow what it was given. */
  actual: Container['resources']
  readonly role: ContainerRole
  readonly behaviour: ContainerBehaviour
  readonly crashBackoff = new Backoff()
  readonly pullBackoff = new Backoff()
  state: ContainerState
  last: ContainerState | undefined
  restartCount = 0
  isReady = false
  /** Undefined until it has run once. */
  isStarted: boolean | undefined
  containerId = ''
  startedMs = 0
  log = new ContainerLog()
  previousLog: ContainerLog | undefined
  /** What its processes have written, by absolute path; undefined until somebody looks. */
  files: Map<string, Buffer> | undefined
  /** The process of a container with an input, for those who attach. */
  session: ExecSession | undefined
  /** On its way: being pulled, created, or waiting for its back-off. */
  isBusy = false
  /** Timers of the present run. */
  readonly #timers: Timer[] = []

  constructor(container: Container, role: ContainerRole, behaviour: ContainerBehaviour, waitingReason: string) {
    this.container = container
    this.actual = container.resources
    this.role = role
    this.behaviour = behaviour
    this.state = { waiting: { reason: waitingReason } }
  }

  get name(): string {
    return this.container.name
  }

  /** Its place in the pod, as Events name it. */
  get fieldPath(): string {
    const list = FIELDS[this.role]
    return `spec.${list}{${this.name}}`
  }

  get isRunning(): boolean {
    return this.state.running !== undefined
  }

  /** How it ended last, where it is not running. */
  get terminated(): ContainerStateTerminated | undefined {
    return this.state.terminated ?? (this.state.waiting ? this.last?.terminated : undefined)
  }

  keep(timer: Timer): void {
    this.#timers.push(timer)
  }

  cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.length = 0
  }

  wait(reason: string, message?: string): void {
    if (this.state.terminated) this.last = this.state
    this.state = { waiting: { reason, ...(message === undefined ? {} : { message }) } }
  }

  run(nowMs: number): void {
    const ran = this.terminated
    if (ran) {
      this.last = { terminated: ran }
      this.restartCount++
      this.previousLog = this.log
      this.log = new ContainerLog()
      this.files = undefined
    }
    this.containerId = `containerd://${randomBytes(32).toString('hex')}`
    this.startedMs = nowMs
    this.actual = this.container.resources
    this.state = { running: { startedAt: formatTime(nowMs) } }
    this.isBusy = false
  }

  end(nowMs: number, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error', message?: string): void {
    this.cancelTimers()
    this.session?.close()
    this.session = undefined
    this.log.flush(nowMs)
    this.isReady = this.role === 'init' && exitCode === 0
    if (this.isStarted) this.isStarted = false
    this.isBusy = false
    this.state = {
      terminated: {
        exitCode,
        reason,
        ...(message === undefined ? {} : { message }),
        startedAt: formatTime(this.startedMs),
        finishedAt: formatTime(nowMs),
        containerID: this.containerId,
      },
    }
  }

  /** @see kubernetes pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses */
  status(): ContainerStatus {
    const { container } = this
    const hasRun = this.containerId !== ''
    const allocated = container.resources?.requests
    const { requests, limits } = this.actual ?? {}
    const mounts = (container.volumeMounts ?? []).map(
      ({ name, mountPath, readOnly }): VolumeMountStatus => ({
        name,
        mountPath,
        ...(readOnly ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
      }),
    )
    return {
      name: container.name,
      state: this.state,
      lastState: this.last ?? {},
      ready: this.isReady,
      restartCount: this.restartCount,
      image: hasRun ? fullImageName(container.image ?? '') : (container.image ?? ''),
      imageID: hasRun ? imageId(container.image ?? '') : '',
      ...(hasRun ? { containerID: this.containerId } : {}),
      ...(this.role === 'ephemeral' ? {} : { started: this.isStarted ?? false }),
      ...(hasRun && allocated ? { allocatedResources: allocated } : {}),
      ...(hasRun && (requests || limits)
        ? { resources: { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) } }
        : {}),
      ...(mounts.length > 0 ? { volumeMounts: mounts } : {}),
    }
  }
}

/** Whether a container is to run again after it ended so. @see api/v1/pod ContainerShouldRestart */
export function restarts(podPolicy: string, { container, role }: ContainerRun, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? { operator: '' }
    const isMeant = operator === 'In' ? values.includes(exitCode) : operator === 'NotIn' && !values.includes(exitCode)
    if (isMeant) return rule.action === 'Restart' || rule.action === 'RestartAllContainers'
  }
  if (role === 'ephemeral') return false
  const policy = container.restartPolicy ?? podPolicy
  if (role === 'init' && container.restartPolicy === undefined) return exitCode !== 0 && podPolicy !== 'Never'
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}
