import { asApiError } from '../../apimachinery/api-error.ts'
import { parseTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { parseQuantity } from '../../apimachinery/quantity.ts'
import type { Client, ResourceRef } from '../runtime/client.ts'

/** What a pod uses of a resource. */
export interface PodMetric {
  /** Thousandths of the resource's unit. */
  readonly milli: number
  /** When it was measured, in milliseconds since the epoch, and over how long. */
  readonly atMs: number
  readonly windowMs: number
}

/** By the pods' names. */
export type PodMetrics = ReadonlyMap<string, PodMetric>

interface PodMetricsObject extends KubeObject {
  readonly timestamp: string
  readonly window: string
  readonly containers?: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[]
}

const POD_METRICS: ResourceRef<PodMetricsObject> = {
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  resource: 'pods',
  kind: 'PodMetrics',
  namespaced: true,
}

/** Which usage is asked for. */
export interface MetricQuery {
  readonly resource: string
  /** Undefined: of all containers together. */
  readonly container: string | undefined
  readonly namespace: string
  readonly selector: string
}

/**
 * Measures the pods that a selector matches. Errors: nobody serves metrics, or there are none yet.
 *
 * @see kubernetes pkg/controller/podautoscaler/metrics/client.go
 */
export async function podMetrics(client: Client, query: MetricQuery): Promise<PodMetrics> {
  const items = await measured(client, query)
  if (items.length === 0) throw new Error('no metrics returned from resource metrics API')
  const metrics = new Map<string, PodMetric>()
  for (const { metadata, timestamp, window, containers = [] } of items) {
    const counted = containers.filter((c) => query.container === undefined || c.name === query.container)
    const amounts = counted.map(({ usage }) => usage[query.resource])
    if (amounts.length === 0 || amounts.includes(undefined)) continue
    const milli = amounts.reduce((sum, amount) => sum + milliOf(amount!), 0)
    metrics.set(metadata.name!, { milli, atMs: parseTime(timestamp), windowMs: seconds(window) * 1000 })
  }
  return metrics
}

async function measured(client: Client, { namespace, selector }: MetricQuery): Promise<readonly PodMetricsObject[]> {
  try {
    return (await client.list(POD_METRICS, { namespace, labelSelector: selector })).items
  } catch (error) {
    const isUnknown = asApiError(error)?.code === 404 || (error as Error).message.includes('404')
    const why = isUnknown
      ? 'the server could not find the requested resource (get pods.metrics.k8s.io)'
      : (error as Error).message
    throw new Error(`unable to fetch metrics from resource metrics API: ${why}`, { cause: error })
  }
}

/** Thousandths of a quantity's unit. */
export function milliOf(quantity: string): number {
  return parseQuantity(quantity).milliValue()
}

/** Of a Go duration: `15s`, `1m30.5s`. */
function seconds(duration: string): number {
  let total = 0
  for (const [, amount, unit] of duration.matchAll(/([\d.]+)(h|ms|m|s)/g)) {
    total += Number(amount) * { h: 3600, m: 60, s: 1, ms: 0.001 }[unit as 'h' | 'm' | 's' | 'ms']
  }
  return total
}
