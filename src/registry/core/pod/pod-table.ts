import { parseTime } from '../../../apimachinery/clock.ts'
import type { Container, ContainerStatus, Pod, PodStatus } from '../../../apimachinery/types/core-v1.ts'
import type { Cell, TableDefinition } from '../../resource.ts'
import { ageColumn, column, nameColumn, translateTimestampSince } from '../../table-cells.ts'
import { isPodReady, podCondition } from './pod-conditions.ts'
import { isRestartableInitContainer } from './pod-containers.ts'

const NONE = '<none>'

/** What the statuses of the containers add up to. */
interface Summary {
  reason: string
  restarts: number
  /** RFC 3339; undefined where no container was started again. */
  lastRestart: string | undefined
  ready: number
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (!a || !b) return a ?? b
  return parseTime(b) > parseTime(a) ? b : a
}

function lastEnd(status: ContainerStatus): string | undefined {
  return status.lastState?.terminated?.finishedAt
}

/** How a container ended, in a word: `OOMKilled`, `Signal:9`, `ExitCode:1`. */
function terminationReason(terminated: NonNullable<ContainerStatus['state']>['terminated'] & object): string {
  if (terminated.reason) return terminated.reason
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode ?? 0}`
}

/** The first init container that is not through; says whether the pod is still initializing. */
function summarizeInit(
  pod: Pod,
  containers: ReadonlyMap<string, Container>,
  summary: Summary,
): { initializing: boolean; sidecars: Pick<Summary, 'restarts' | 'lastRestart'> } {
  const sidecars: Pick<Summary, 'restarts' | 'lastRestart'> = { restarts: 0, lastRestart: undefined }
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isRestartableInitContainer(containers.get(status.name))
    summary.restarts += status.restartCount ?? 0
    summary.lastRestart = later(summary.lastRestart, lastEnd(status))
    if (sidecar) {
      sidecars.restarts += status.restartCount ?? 0
      sidecars.lastRestart = later(sidecars.lastRestart, lastEnd(status))
    }
    const { terminated, waiting } = status.state ?? {}
    if (terminated && !terminated.exitCode) continue
    if (sidecar && status.started) {
      if (status.ready) summary.ready++
      continue
    }
    if (terminated) summary.reason = `Init:${terminationReason(terminated)}`
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.reason = `Init:${waiting.reason}`
    else summary.reason = `Init:${i}/${pod.spec?.initContainers?.length ?? 0}`
    return { initializing: true, sidecars }
  }
  return { initializing: false, sidecars }
}

function summarizeContainers(status: PodStatus, summary: Summary): void {
  let hasRunning = false
  let errorReason = ''
  for (const container of (status.containerStatuses ?? []).toReversed()) {
    summary.restarts += container.restartCount ?? 0
    summary.lastRestart = later(summary.lastRestart, lastEnd(container))
    const { waiting, terminated, running } = container.state ?? {}
    if (waiting?.reason) summary.reason = waiting.reason
    else if (terminated) {
      summary.reason = terminationReason(terminated)
      if (terminated.exitCode) errorReason = summary.reason
    } else if (container.ready && running) {
      hasRunning = true
      summary.ready++
    }
  }
  if (summary.reason !== 'Completed') return
  if (hasRunning && isPodReady(status)) summary.reason = 'Running'
  else if (errorReason !== '') summary.reason = errorReason
  else if (hasRunning) summary.reason = 'NotReady'
}

function initialReason(status: PodStatus): string {
  const gated = status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')
  return gated ? 'SchedulingGated' : status.reason || status.phase || ''
}

function finalReason(pod: Pod, reason: string): string {
  if (!pod.metadata?.deletionTimestamp) return reason
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  const phase = pod.status?.phase
  return phase === 'Failed' || phase === 'Succeeded' ? reason : 'Terminating'
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return NONE
  const met = gates.filter(({ conditionType }) => podCondition(pod.status, conditionType)?.status === 'True')
  return `${met.length}/${gates.length}`
}

function cells(pod: Pod, now: number): Cell[] {
  const status = pod.status ?? {}
  const containers = new Map((pod.spec?.initContainers ?? []).map((c) => [c.name, c]))
  const sidecars = [...(pod.spec?.initContainers ?? [])].filter(isRestartableInitContainer).length
  const summary: Summary = { reason: initialReason(status), restarts: 0, lastRestart: undefined, ready: 0 }
  const init = summarizeInit(pod, containers, summary)
  if (!init.initializing || podCondition(status, 'Initialized')?.status === 'True') {
    Object.assign(summary, init.sidecars)
    summarizeContainers(status, summary)
  }
  const since = translateTimestampSince(summary.lastRestart, now)
  return [
    pod.metadata?.name ?? '',
    `${summary.ready}/${(pod.spec?.containers?.length ?? 0) + sidecars}`,
    finalReason(pod, summary.reason),
    summary.restarts !== 0 && summary.lastRestart ? `${summary.restarts} (${since} ago)` : String(summary.restarts),
    translateTimestampSince(pod.metadata?.creationTimestamp, now),
    status.podIPs?.[0]?.ip || NONE,
    pod.spec?.nodeName || NONE,
    status.nominatedNodeName || NONE,
    readinessGates(pod),
  ]
}

const COMPLETED = {
  Succeeded: { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
  Failed: { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
} as const

/** Columns of pods. @see kubernetes pkg/printers/internalversion/printers.go printPod */
export const podTable: TableDefinition<Pod> = {
  columns: [
    nameColumn,
    column('Ready'),
    column('Status'),
    column('Restarts'),
    ageColumn,
    column('IP', 'string', 1),
    column('Node', 'string', 1),
    column('Nominated Node', 'string', 1),
    column('Readiness Gates', 'string', 1),
  ],
  cells,
  rowConditions({ status }) {
    const phase = status?.phase
    return phase === 'Succeeded' || phase === 'Failed' ? [COMPLETED[phase]] : []
  },
}
