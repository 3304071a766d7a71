import { formatTime } from '../../apimachinery/clock.ts'
import type { Pod, PodCondition, PodStatus } from '../../apimachinery/types/core-v1.ts'
import { type ContainerRun, restarts } from './container-run.ts'
import type { ResizeCondition } from './pod-resize.ts'

/** What a kubelet knows of a pod beyond the pod itself. */
export interface PodFacts {
  readonly containers: readonly ContainerRun[]
  readonly hostIp: string
  /** '' while there is no sandbox. */
  readonly podIp: string
  readonly startTime: string
  /** The sandbox is up. */
  readonly hasSandbox: boolean
  /** All its containers have been stopped for good. */
  readonly isTerminal: boolean
  /** Set where the pod failed as a whole: rejected, over its deadline, evicted. */
  /** How far a change of its resources has come. */
  readonly resize: readonly ResizeCondition[]
  readonly failure?: { readonly reason: string; readonly message: string }
}

/** Conditions that are the kubelet's to set, in the order that it sets them. */
const OWN_CONDITIONS = [
  'PodResizePending',
  'PodResizeInProgress',
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
] as const

interface Verdict {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason?: string
  readonly message?: string
}

/** @see kubernetes pkg/kubelet/kubelet_pods.go getPhase */
function podPhase(pod: Pod, facts: PodFacts): string {
  if (facts.failure) return 'Failed'
  const policy = pod.spec?.restartPolicy ?? 'Always'
  const counts = { pendingInit: 0, failedInit: 0, running: 0, waiting: 0, stopped: 0, again: 0, succeeded: 0 }
  for (const run of facts.containers) {
    if (run.role === 'ephemeral') continue
    const ended = run.terminated
    if (run.role === 'init') {
      if (run.isRunning || !ended) counts.pendingInit++
      else if (ended.exitCode !== 0 && !restarts(policy, run, ended.exitCode)) counts.failedInit++
      continue
    }
    if (run.role === 'sidecar') {
      if (run.isRunning) counts.running++
      else if (!ended) counts.waiting++
      if (run.isRunning ? !run.isStarted : !ended) counts.pendingInit += isInitialized(facts) ? 0 : 1
      continue
    }
    if (run.isRunning) counts.running++
    else if (!ended) counts.waiting++
    else {
      counts.stopped++
      if (ended.exitCode === 0) counts.succeeded++
      if (restarts(policy, run, ended.exitCode)) counts.again++
    }
  }
  if (counts.failedInit > 0) return 'Failed'
  if (counts.pendingInit > 0 || counts.waiting > 0) return 'Pending'
  if (counts.running > 0) return 'Running'
  if (counts.stopped === 0) return 'Pending'
  if (!facts.isTerminal && counts.again > 0) return 'Running'
  return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed'
}

/** True once a regular container has been started. */
function isInitialized({ containers }: PodFacts): boolean {
  return containers.some((run) => run.role === 'main' && run.containerId !== '')
}

function listed(names: readonly string[]): string {
  return `[${names.join(' ')}]`
}

/** @see kubernetes pkg/kubelet/status/generate.go */
function verdicts(pod: Pod, facts: PodFacts, phase: string): readonly Verdict[] {
  const ready = containersReady(facts, phase)
  return [
    { type: 'PodReadyToStartContainers', status: facts.hasSandbox && !facts.isTerminal ? 'True' : 'False' },
    initialized(facts, phase),
    podReady(pod, ready),
    ready,
  ]
}

function initialized(facts: PodFacts, phase: string): Verdict {
  const type = 'Initialized'
  if (phase === 'Succeeded') return { type, status: 'True', reason: 'PodCompleted' }
  if (isInitialized(facts)) return { type, status: 'True' }
  const incomplete = facts.containers
    .filter((run) => (run.role === 'init' && !run.isReady) || (run.role === 'sidecar' && !run.isStarted))
    .map((run) => run.name)
  if (incomplete.length === 0) return { type, status: 'True' }
  const message = `containers with incomplete status: ${listed(incomplete)}`
  return { type, status: 'False', reason: 'ContainersNotInitialized', message }
}

function containersReady(facts: PodFacts, phase: string): Verdict {
  const type = 'ContainersReady'
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const unready = [...facts.containers]
    .filter((run) => (run.role === 'main' || run.role === 'sidecar') && !run.isReady)
    .sort((a, b) => Number(a.role === 'main') - Number(b.role === 'main'))
    .map((run) => run.name)
  if (unready.length === 0) return { type, status: 'True' }
  const message = `containers with unready status: ${listed(unready)}`
  return { type, status: 'False', reason: 'ContainersNotReady', message }
}

function podReady(pod: Pod, containers: Verdict): Verdict {
  const type = 'Ready'
  if (containers.status !== 'True') return { ...containers, type }
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find((c) => c.type === conditionType)
    if (!condition) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    if (condition.status === 'True') return []
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`]
  })
  if (missing.length === 0) return { type, status: 'True' }
  return { type, status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') }
}

function withTimes(pod: Pod, found: readonly Verdict[], nowMs: number): PodCondition[] {
  const generation = pod.metadata.generation
  const before = pod.status?.conditions ?? []
  const own = found.map((verdict): PodCondition => {
    const old = before.find((c) => c.type === verdict.type)
    return {
      ...verdict,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastProbeTime: undefined,
      lastTransitionTime: old?.status === verdict.status ? old.lastTransitionTime : formatTime(nowMs),
    }
  })
  // What others have set stays; so does the order that the API has.
  const others = before.filter((c) => !OWN_CONDITIONS.includes(c.type as (typeof OWN_CONDITIONS)[number]))
  const scheduled = others.filter((c) => c.type === 'PodScheduled')
  return [...others.filter((c) => c.type !== 'PodScheduled'), ...own, ...scheduled]
}

/** The status of a pod as the kubelet reports it. */
export function podStatus(pod: Pod, facts: PodFacts, nowMs: number): PodStatus {
  const phase = podPhase(pod, facts)
  const statuses = (...roles: readonly string[]) =>
    facts.containers.filter((run) => roles.includes(run.role)).map((run) => run.status())
  const init = statuses('init', 'sidecar')
  const main = statuses('main').sort((a, b) => (a.name < b.name ? -1 : 1))
  const ephemeral = statuses('ephemeral')
  const { generation } = pod.metadata
  const { podIp, hostIp, failure } = facts
  const isRejected = failure !== undefined && !facts.hasSandbox && facts.containers.length === 0
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    ...(isRejected ? {} : { conditions: withTimes(pod, [...facts.resize, ...verdicts(pod, facts, phase)], nowMs) }),
    ...(failure ?? {}),
    ...(isRejected
      ? {}
      : {
          hostIP: hostIp,
          hostIPs: [{ ip: hostIp }],
          ...(podIp === '' ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
        }),
    startTime: facts.startTime,
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    ...(main.length > 0 ? { containerStatuses: main } : {}),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: pod.status?.qosClass ?? 'BestEffort',
    ...(pod.status?.nominatedNodeName ? { nominatedNodeName: pod.status.nominatedNodeName } : {}),
    ...(pod.status?.resourceClaimStatuses ? { resourceClaimStatuses: pod.status.resourceClaimStatuses } : {}),
  }
}
