import type { ContainerPort, Pod } from '../../apimachinery/types/core-v1.ts'
import { type AffinityTerm, affinityTerm, type WeightedAffinityTerm, weightedAffinityTerm } from './affinity-term.ts'
import { type Amounts, podRequests } from './resource-amounts.ts'

/** A port of a node that a pod wants for itself. */
export interface HostPort {
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

/** A pod with what scheduling needs to know of it, computed once per version of the pod. */
export interface PodInfo {
  readonly pod: Pod
  readonly uid: string
  readonly namespace: string
  readonly priority: number
  readonly requests: Amounts
  /** For scoring: containers without a request count as the defaults. */
  readonly nonZeroMilliCpu: number
  readonly nonZeroMemory: number
  readonly hostPorts: readonly HostPort[]
  readonly requiredAffinity: readonly AffinityTerm[]
  readonly requiredAntiAffinity: readonly AffinityTerm[]
  readonly preferredAffinity: readonly WeightedAffinityTerm[]
  readonly preferredAntiAffinity: readonly WeightedAffinityTerm[]
  readonly hasAffinity: boolean
}

const NONE: readonly never[] = []

export function podInfo(pod: Pod): PodInfo {
  const affinity = pod.spec?.affinity?.podAffinity
  const anti = pod.spec?.affinity?.podAntiAffinity
  const nonZero = podRequests(pod, { useStatus: true, countMissing: true })
  return {
    pod,
    uid: pod.metadata.uid ?? '',
    namespace: pod.metadata.namespace ?? '',
    priority: podPriority(pod),
    requests: podRequests(pod, { useStatus: true }),
    nonZeroMilliCpu: nonZero.get('cpu') ?? 0,
    nonZeroMemory: nonZero.get('memory') ?? 0,
    hostPorts: hostPortsOf(pod),
    requiredAffinity:
      affinity?.requiredDuringSchedulingIgnoredDuringExecution?.map((t) => affinityTerm(pod, t)) ?? NONE,
    requiredAntiAffinity:
      anti?.requiredDuringSchedulingIgnoredDuringExecution?.map((t) => affinityTerm(pod, t)) ?? NONE,
    preferredAffinity:
      affinity?.preferredDuringSchedulingIgnoredDuringExecution?.map((t) => weightedAffinityTerm(pod, t)) ?? NONE,
    preferredAntiAffinity:
      anti?.preferredDuringSchedulingIgnoredDuringExecution?.map((t) => weightedAffinityTerm(pod, t)) ?? NONE,
    hasAffinity: affinity !== undefined || anti !== undefined,
  }
}

export function podPriority(pod: Pod): number {
  return pod.spec?.priority ?? 0
}

/** Host ports of a pod's containers and sidecars. @see kubernetes pkg/scheduler/util/utils.go GetHostPorts */
export function hostPortsOf(pod: Pod): readonly HostPort[] {
  const ports: HostPort[] = []
  const take = (list: readonly ContainerPort[] | undefined): void => {
    for (const p of list ?? []) {
      if (p.hostPort) ports.push({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol || 'TCP', port: p.hostPort })
    }
  }
  for (const container of pod.spec?.containers ?? []) take(container.ports)
  for (const container of pod.spec?.initContainers ?? [])
    if (container.restartPolicy === 'Always') take(container.ports)
  return ports.length > 0 ? ports : NONE
}

/** Whether two host ports cannot be on one node; 0.0.0.0 is every address. */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0')
}

/** True for a pod that holds nothing of its node any more. */
export function isFinished(pod: Pod): boolean {
  const phase = pod.status?.phase
  return phase === 'Succeeded' || phase === 'Failed'
}

/** When a pod started, in milliseconds; a pod that has not counts as starting now. */
export function podStartMs(pod: Pod, nowMs: number): number {
  const start = pod.status?.startTime
  return start ? Date.parse(start) : nowMs
}
