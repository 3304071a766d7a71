import type { Quantity } from '../../../apimachinery/quantity.ts'
import type { Container, ContainerStatus, Pod } from '../../../apimachinery/types/core-v1.ts'
import { isRestartableInitContainer } from '../../../registry/core/pod/pod-containers.ts'
import { isExtendedResourceName, isSupportedPodLevelResource } from '../../../registry/core/pod/resource-names.ts'
import { type Amounts, add, amountsOf, larger, ONE } from './amounts.ts'

type Side = 'requests' | 'limits'

/** Requests of devices by class, as a container names them (KEP-5004). */
const DEVICE_CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/'
const HUGE_PAGES_PREFIX = 'hugepages-'

/**
 * What a pod as a whole requests or is limited to: containers, sidecars, init containers at their turn, what the kubelet
 * has given them already (resize), the pod's own resources, and overhead.
 *
 * @see component-helpers resource/helpers.go PodRequests, PodLimits
 */
function podAmounts(pod: Pod, side: Side): Amounts {
  const total = new Map(containerAmounts(pod, side))
  const own = pod.spec?.resources?.[side]
  for (const [name, quantity] of amountsOf(own)) if (isSupportedPodLevelResource(name)) total.set(name, quantity)
  for (const [name, quantity] of amountsOf(pod.spec?.overhead)) {
    const current = total.get(name)
    if (current) total.set(name, current.add(quantity))
    else if (side === 'requests') total.set(name, quantity)
  }
  return total
}

function containerAmounts(pod: Pod, side: Side): Amounts {
  const { containers = [], initContainers = [] } = pod.spec ?? { containers: [] }
  const infeasible = isResizeInfeasible(pod)
  const amountOf = (container: Container, statuses: readonly ContainerStatus[] | undefined): Amounts => {
    const status = statuses?.find(({ name }) => name === container.name)
    const asked = amountsOf(container.resources?.[side])
    return status?.resources ? resizedAmounts(asked, status, side, infeasible) : asked
  }
  let total: Amounts = new Map()
  for (const container of containers) total = add(total, amountOf(container, pod.status?.containerStatuses))
  let sidecars: Amounts = new Map()
  let init: Amounts = new Map()
  for (const container of initContainers) {
    if (isRestartableInitContainer(container)) {
      const amounts = amountOf(container, pod.status?.initContainerStatuses)
      total = add(total, amounts)
      sidecars = add(sidecars, amounts)
      init = larger(init, sidecars)
    } else {
      init = larger(init, add(amountsOf(container.resources?.[side]), sidecars))
    }
  }
  return larger(total, init)
}

/** While a resize is under way the larger of what is asked for and what is given counts. */
function resizedAmounts(asked: Amounts, status: ContainerStatus, side: Side, infeasible: boolean): Amounts {
  const given = amountsOf(status.resources?.[side])
  const allocated = side === 'requests' ? amountsOf(status.allocatedResources) : new Map<string, Quantity>()
  return infeasible ? larger(given, allocated) : larger(asked, given, allocated)
}

function isResizeInfeasible(pod: Pod): boolean {
  const pending = pod.status?.conditions?.find(({ type }) => type === 'PodResizePending')
  return pending?.reason === 'Infeasible'
}

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'] as const

/**
 * Requests and limits as a quota names them.
 *
 * @see kubernetes pkg/quota/v1/evaluator/core/pods.go podComputeUsageHelper
 */
export function computeUsage(requests: Amounts, limits: Amounts): Map<string, Quantity> {
  const usage = new Map<string, Quantity>([['pods', ONE]])
  for (const name of COMPUTE) {
    const request = requests.get(name)
    if (request) usage.set(name, request).set(`requests.${name}`, request)
    const limit = limits.get(name)
    if (limit) usage.set(`limits.${name}`, limit)
  }
  for (const [name, request] of requests) {
    if (name.startsWith(HUGE_PAGES_PREFIX)) usage.set(name, request).set(`requests.${name}`, request)
    if (isExtendedResourceName(name) || name.startsWith(DEVICE_CLASS_PREFIX)) usage.set(`requests.${name}`, request)
  }
  return usage
}

/**
 * What a pod takes of a quota at the time `now`. One that has ended, or should have, counts as an object only.
 *
 * @see kubernetes pkg/quota/v1/evaluator/core/pods.go PodUsageFunc
 */
export function podUsage(pod: Pod, now: number): Amounts {
  const usage = new Map<string, Quantity>([['count/pods', ONE]])
  if (!takesResources(pod, now)) return usage
  return add(usage, computeUsage(podAmounts(pod, 'requests'), podAmounts(pod, 'limits')))
}

function takesResources({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return false
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return true
  return now <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000
}
