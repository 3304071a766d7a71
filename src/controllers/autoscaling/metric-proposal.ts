import { goLabelSelectorText } from '../../apimachinery/label-selector.ts'
import { Quantity } from '../../apimachinery/quantity.ts'
import type {
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../../apimachinery/types/autoscaling-v2.ts'
import type { Client } from '../runtime/client.ts'
import { milliOf, podMetrics } from './pod-metrics.ts'
import { type Measurement, type Proposal, replicasForAverage, replicasForUtilization } from './replica-calculator.ts'

/** What one metric asks for. */
export interface MetricProposal {
  readonly replicas: number
  /** As Events name it. */
  readonly name: string
  readonly status: MetricStatus
}

/** A metric that nobody could compute replicas from. */
export class MetricFailure extends Error {
  /** Of the Event and the condition. */
  readonly reason: string
  /** The message as it stands among those of other metrics. */
  readonly summary: string

  constructor(reason: string, message: string, summary: string) {
    super(message)
    this.reason = reason
    this.summary = summary
  }
}

export interface MetricContext extends Omit<Measurement, 'metrics' | 'resource' | 'container'> {
  readonly client: Client
  readonly namespace: string
  readonly selector: string
}

/** Errors: {@link MetricFailure}. */
export async function proposalOf(spec: MetricSpec, context: MetricContext): Promise<MetricProposal> {
  const { type, resource, containerResource } = spec
  if (type === 'Resource' && resource) {
    const { name, target } = resource
    const failed = (message: string): MetricFailure =>
      new MetricFailure('FailedGetResourceMetric', message, `failed to get ${name} resource metric value: ${message}`)
    const { current, ...proposal } = await ofResource({ name, target, container: undefined }, context, failed)
    return { ...proposal, status: { type, resource: { name, current } } }
  }
  if (type === 'ContainerResource' && containerResource) {
    const { name, target, container } = containerResource
    const failed = (message: string): MetricFailure =>
      new MetricFailure(
        'FailedGetContainerResourceMetric',
        message,
        `failed to get ${container} container metric value: ${message}`,
      )
    const { current, ...proposal } = await ofResource({ name, target, container }, context, failed)
    return { ...proposal, status: { type, containerResource: { name, container, current } } }
  }
  throw unserved(spec, context.namespace)
}

interface ResourceMetric {
  readonly name: string
  readonly target: MetricTarget
  readonly container: string | undefined
}

async function ofResource(
  { name, target, container }: ResourceMetric,
  { client, namespace, selector, ...measurement }: MetricContext,
  failed: (message: string) => MetricFailure,
): Promise<{ readonly replicas: number; readonly name: string; readonly current: MetricValueStatus }> {
  const { averageValue, averageUtilization } = target
  const what = averageValue === undefined ? 'utilization' : 'usage'
  let proposal: Proposal
  try {
    const metrics = await podMetrics(client, { resource: name, container, namespace, selector }).catch(
      (error: Error) => {
        throw new Error(`unable to get metrics for resource ${name}: ${error.message}`)
      },
    )
    const measured = { ...measurement, metrics, resource: name, container }
    proposal =
      averageValue === undefined
        ? replicasForUtilization(measured, averageUtilization ?? 0)
        : replicasForAverage(measured, milliOf(averageValue))
  } catch (error) {
    throw failed(`failed to get ${name} ${what}: ${(error as Error).message}`)
  }
  const { replicas, average, utilization } = proposal
  const format = name === 'memory' ? 'BinarySI' : 'DecimalSI'
  const current: MetricValueStatus = {
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
    averageValue: Quantity.ofMilli(average, format).toString(),
  }
  const kind = container === undefined ? 'resource' : 'container resource'
  const shown = averageValue === undefined ? `${name} ${kind} utilization (percentage of request)` : `${name} resource`
  return { replicas, name: shown, current }
}

const NO_CUSTOM_METRICS =
  'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered'

/** Metrics that are served by what is added to a cluster. */
function unserved({ type, pods, object, external }: MetricSpec, namespace: string): MetricFailure {
  if (type === 'Pods') {
    const message = `unable to get metric ${pods?.metric.name}: ${NO_CUSTOM_METRICS}`
    return new MetricFailure('FailedGetPodsMetric', message, `failed to get pods metric value: ${message}`)
  }
  if (type === 'Object') {
    const { kind, name } = object?.describedObject ?? { kind: '', name: '' }
    const message = `unable to get metric ${object?.metric.name}: ${NO_CUSTOM_METRICS} on ${kind} ${namespace}/${name}`
    return new MetricFailure('FailedGetObjectMetric', message, `failed to get object metric value: ${message}`)
  }
  const name = external?.metric.name
  const selector = goLabelSelectorText(external?.metric.selector)
  const message = `unable to get external metric ${namespace}/${name}/${selector}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`
  return new MetricFailure(
    'FailedGetExternalMetric',
    message,
    `failed to get ${name} external metric value: ${message}`,
  )
}
