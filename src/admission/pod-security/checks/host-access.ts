import type { LifecycleHandler, PodSpec, Probe } from '../../../apimachinery/types/core-v1.ts'
import { type AnyContainer, allContainers } from '../../../registry/core/pod/pod-containers.ts'
import {
  badContexts,
  containersNamed,
  type PodCheck,
  plural,
  quoted,
  settersOf,
  sortedSet,
  type Violation,
} from '../check.ts'

/** Pods don't share the network, the processes or the IPC of their node. */
export const hostNamespaces: PodCheck = {
  id: 'hostNamespaces',
  level: 'baseline',
  versions: [{ since: 0, check: checkHostNamespaces }],
}

function checkHostNamespaces(spec: PodSpec): Violation | undefined {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name])
  if (shared.length === 0) return undefined
  return { reason: 'host namespaces', detail: shared.map((name) => `${name}=true`).join(', ') }
}

/** Pods mount nothing of their node. */
export const hostPathVolumes: PodCheck = {
  id: 'hostPathVolumes',
  level: 'baseline',
  versions: [{ since: 0, check: checkHostPathVolumes }],
}

function checkHostPathVolumes(spec: PodSpec): Violation | undefined {
  const names = (spec.volumes ?? []).filter((v) => v.hostPath).map((v) => v.name)
  if (names.length === 0) return undefined
  return { reason: 'hostPath volumes', detail: `${plural('volume', names.length)} ${quoted(names)}` }
}

/** Pods take no ports of their node. */
export const hostPorts: PodCheck = {
  id: 'hostPorts',
  level: 'baseline',
  versions: [{ since: 0, check: checkHostPorts }],
}

function checkHostPorts(spec: PodSpec): Violation | undefined {
  const names: string[] = []
  const taken: string[] = []
  for (const { name, ports } of allContainers(spec)) {
    const own = (ports ?? []).filter((p) => p.hostPort)
    if (own.length === 0) continue
    names.push(name)
    taken.push(...own.map((p) => String(p.hostPort)))
  }
  if (names.length === 0) return undefined
  const numbers = sortedSet(taken)
  const use = names.length === 1 ? 'uses' : 'use'
  const detail = `${containersNamed(names)} ${use} ${plural('hostPort', numbers.length)} ${numbers.join(', ')}`
  return { reason: 'hostPort', detail }
}

/** Probes and hooks go to the pod itself, not to other hosts. */
export const hostProbesAndHostLifecycle: PodCheck = {
  id: 'hostProbesAndHostLifecycle',
  level: 'baseline',
  versions: [{ since: 34, check: checkHandlerHosts }],
}

function checkHandlerHosts(spec: PodSpec): Violation | undefined {
  const names: string[] = []
  const hosts: string[] = []
  for (const container of allContainers(spec)) {
    const own = handlersOf(container).flatMap((h) => [h?.httpGet?.host, h?.tcpSocket?.host])
    const foreign = own.filter((host) => host !== undefined && host !== '') as string[]
    if (foreign.length === 0) continue
    names.push(container.name)
    hosts.push(...foreign)
  }
  if (names.length === 0) return undefined
  const containers = sortedSet(names)
  const forbidden = sortedSet(hosts)
  const what = plural('probe or lifecycle host', forbidden.length)
  const use = containers.length === 1 ? 'uses' : 'use'
  const detail = `${containersNamed(containers)} ${use} ${what} ${quoted(forbidden)}`
  return { reason: 'probe or lifecycle host', detail }
}

function handlersOf(container: AnyContainer): readonly (Probe | LifecycleHandler | undefined)[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container
  return [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
}

/** Containers of Windows don't run as processes of their node. */
export const windowsHostProcess: PodCheck = {
  id: 'windowsHostProcess',
  level: 'baseline',
  versions: [{ since: 0, check: checkWindowsHostProcess }],
}

function checkWindowsHostProcess(spec: PodSpec): Violation | undefined {
  const containers = badContexts(spec, (c) => c.windowsOptions?.hostProcess === true)
  const setters = settersOf(spec.securityContext?.windowsOptions?.hostProcess === true, containers)
  if (setters === '') return undefined
  return { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` }
}
