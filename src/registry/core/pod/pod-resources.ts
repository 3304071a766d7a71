import { parseQuantity, type Quantity } from '../../../apimachinery/quantity.ts'
import type { Pod, PodSpec, ResourceRequirements } from '../../../apimachinery/types/core-v1.ts'
import { isRestartableInitContainer } from './pod-containers.ts'

type Side = 'requests' | 'limits'
type Amounts = Map<string, Quantity>

function add(to: Amounts, list: Record<string, string> | Amounts | undefined): void {
  if (!list) return
  const entries = list instanceof Map ? list : Object.entries(list).map(([k, v]) => [k, parseQuantity(v)] as const)
  for (const [name, quantity] of entries) to.set(name, to.get(name)?.add(quantity) ?? quantity)
}

function raise(to: Amounts, list: Amounts): void {
  for (const [name, quantity] of list) {
    const current = to.get(name)
    if (!current || quantity.cmp(current) > 0) to.set(name, quantity)
  }
}

/**
 * What the containers of a pod request (or are limited to) together: the sum of those that run side by side, or what an
 * init container needs at its turn where that is more.
 *
 * @see component-helpers resource/helpers.go AggregateContainerRequests, AggregateContainerLimits
 */
export function aggregateContainers(spec: PodSpec, side: Side): ReadonlyMap<string, Quantity> {
  const total: Amounts = new Map()
  for (const container of spec.containers ?? []) add(total, container.resources?.[side])
  const sidecars: Amounts = new Map()
  const init: Amounts = new Map()
  for (const container of spec.initContainers ?? []) {
    const own = container.resources?.[side]
    if (isRestartableInitContainer(container)) {
      add(total, own)
      add(sidecars, own)
      raise(init, sidecars)
    } else {
      const needed: Amounts = new Map()
      add(needed, own)
      add(needed, sidecars)
      raise(init, needed)
    }
  }
  raise(total, init)
  return total
}

const QOS_RESOURCES = ['cpu', 'memory'] as const

/** Adds the cpu and memory of a list that are more than zero; says whether both are. */
function addQosResources(to: Amounts, list: Record<string, string> | undefined): boolean {
  let found = 0
  for (const name of QOS_RESOURCES) {
    const text = list?.[name]
    if (text === undefined) continue
    const quantity = parseQuantity(text)
    if (quantity.sign() <= 0) continue
    found++
    to.set(name, to.get(name)?.add(quantity) ?? quantity)
  }
  return found === QOS_RESOURCES.length
}

/** Class of service that follows from what the pod's containers, or the pod itself, request and are limited to. */
export function computePodQOS(spec: PodSpec): string {
  const requests: Amounts = new Map()
  const limits: Amounts = new Map()
  let guaranteed = true
  const take = (resources: ResourceRequirements | undefined, emptyLimitsCount: boolean): void => {
    addQosResources(requests, resources?.requests)
    const both = addQosResources(limits, resources?.limits)
    if (!both && (emptyLimitsCount || Object.keys(resources?.limits ?? {}).length > 0)) guaranteed = false
  }
  if (spec.resources) take(spec.resources, false)
  else
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])])
      take(container.resources, true)

  if (requests.size === 0 && limits.size === 0) return 'BestEffort'
  if (!guaranteed || requests.size !== limits.size) return 'Burstable'
  for (const [name, request] of requests) if (!limits.get(name)?.equals(request)) return 'Burstable'
  return 'Guaranteed'
}

/** The class that the pod has, else the one it would get. */
export function getPodQOS(pod: Pod): string {
  return pod.status?.qosClass || computePodQOS(pod.spec ?? { containers: [] })
}
