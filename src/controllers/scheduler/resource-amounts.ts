import { parseQuantity } from '../../apimachinery/quantity.ts'
import type { Container, ContainerStatus, Pod } from '../../apimachinery/types/core-v1.ts'

type QuantityMap = Readonly<Record<string, string>> | undefined

/** Amounts by resource name: thousandths of a core for `cpu`, whole units (bytes, devices) for all others. */
export type Amounts = Map<string, number>

/** What a container that asks for nothing counts as when nodes are scored: 0.1 core, 200 MiB. */
const DEFAULT_MILLI_CPU = 100
const DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024

/** Most quantities repeat (`100m`, `128Mi`): parsed once. Bounded: cleared when full. */
const PARSED: Map<string, number> = new Map()
const MAX_PARSED = 4096

function amountOf(name: string, text: string): number {
  const key = name === 'cpu' ? `m${text}` : text
  let amount = PARSED.get(key)
  if (amount === undefined) {
    const quantity = parseQuantity(String(text))
    amount = name === 'cpu' ? quantity.milliValue() : quantity.value()
    if (PARSED.size >= MAX_PARSED) PARSED.clear()
    PARSED.set(key, amount)
  }
  return amount
}

/** Amounts of a resource list of the API. */
export function amountsOf(list: QuantityMap): Amounts {
  const amounts: Amounts = new Map()
  for (const name in list) amounts.set(name, amountOf(name, list[name]!))
  return amounts
}

/** Adds `factor` times `more` to `amounts`. */
export function addAmounts(amounts: Amounts, more: Amounts, factor = 1): void {
  for (const [name, amount] of more) amounts.set(name, (amounts.get(name) ?? 0) + factor * amount)
}

function raiseTo(amounts: Amounts, floor: Amounts): void {
  for (const [name, amount] of floor) if (amount > (amounts.get(name) ?? -1)) amounts.set(name, amount)
}

/** Resources that a pod may ask for as a whole. */
function countsForPod(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')
}

interface RequestOptions {
  /** Counts what running containers hold (in-place resize) where that is more than the spec asks for. */
  readonly useStatus?: boolean
  /** Containers without a request count as the defaults of scoring. */
  readonly countMissing?: boolean
}

/**
 * What a pod asks of a node: the sum of its containers and sidecars, or its most demanding init container, whatever is
 * more; pod-level requests replace that; overhead comes on top.
 *
 * @see component-helpers resource/helpers.go PodRequests
 */
export function podRequests(pod: Pod, options: RequestOptions = {}): Amounts {
  const requests = containerRequests(pod, options)
  const asked = pod.spec?.resources?.requests
  if (asked) {
    const whole = amountsOf(asked)
    if (options.useStatus) {
      raiseTo(whole, amountsOf(pod.status?.resources?.requests))
      raiseTo(whole, amountsOf(pod.status?.allocatedResources))
    }
    for (const [name, amount] of whole) if (countsForPod(name)) requests.set(name, amount)
  }
  if (pod.spec?.overhead) addAmounts(requests, amountsOf(pod.spec.overhead))
  return requests
}

function containerRequests(pod: Pod, options: RequestOptions): Amounts {
  const requests: Amounts = new Map()
  const podLevel = pod.spec?.resources?.requests
  const of = (container: Container, statuses: readonly ContainerStatus[] | undefined): Amounts => {
    const own = amountsOf(container.resources?.requests)
    if (options.useStatus) raiseToStatus(own, pod, container, statuses)
    if (options.countMissing) {
      if (!own.has('cpu') && podLevel?.['cpu'] === undefined) own.set('cpu', DEFAULT_MILLI_CPU)
      if (!own.has('memory') && podLevel?.['memory'] === undefined) own.set('memory', DEFAULT_MEMORY_BYTES)
    }
    return own
  }
  for (const container of pod.spec?.containers ?? []) addAmounts(requests, of(container, pod.status?.containerStatuses))
  if (!pod.spec?.initContainers?.length) return requests
  const sidecars: Amounts = new Map()
  const highest: Amounts = new Map()
  for (const container of pod.spec.initContainers) {
    const sidecar = container.restartPolicy === 'Always'
    const own = of(container, sidecar ? pod.status?.initContainerStatuses : undefined)
    if (sidecar) {
      addAmounts(requests, own)
      addAmounts(sidecars, own)
      raiseTo(highest, sidecars)
    } else {
      addAmounts(own, sidecars)
      raiseTo(highest, own)
    }
  }
  raiseTo(requests, highest)
  return requests
}

function raiseToStatus(
  own: Amounts,
  pod: Pod,
  container: Container,
  statuses: readonly ContainerStatus[] | undefined,
): void {
  const status = statuses?.find((s) => s.name === container.name)
  if (!status?.resources) return
  const infeasible = pod.status?.conditions?.some((c) => c.type === 'PodResizePending' && c.reason === 'Infeasible')
  if (infeasible) own.clear()
  raiseTo(own, amountsOf(status.resources.requests))
  raiseTo(own, amountsOf(status.allocatedResources))
}
