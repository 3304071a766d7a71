import { parseQuantity } from '../../apimachinery/quantity.ts'
import type {
  CrossVersionObjectReference,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from '../../apimachinery/types/autoscaling-v2.ts'
import type { LabelSelector } from '../../apimachinery/types/meta-v1.ts'
import { GoJsonError, type GoJsonReader } from './go-json-reader.ts'

/**
 * Metrics as autoscaling/v1 writes them into annotations. Members stand in the order of Go's structs, because their
 * text is served; undefined ones are left out.
 *
 * @see pkg/apis/autoscaling/v1/conversion.go
 */
type V1Metric = Readonly<Record<string, unknown>>

const ZERO = '0'

function sortedSelector(selector: LabelSelector | undefined): LabelSelector | undefined {
  if (!selector?.matchLabels) return selector
  const entries = Object.entries(selector.matchLabels).sort(([a], [b]) => (a < b ? -1 : 1))
  return { matchLabels: Object.fromEntries(entries), matchExpressions: selector.matchExpressions }
}

const referenceToV1 = ({ kind, name, apiVersion }: CrossVersionObjectReference): V1Metric => ({
  kind: kind ?? '',
  name: name ?? '',
  apiVersion: apiVersion || undefined,
})

/** A metric of a spec in the form of v1. */
export function metricSpecToV1({ type, object, pods, resource, containerResource, external }: MetricSpec): V1Metric {
  return {
    type,
    object: object && {
      target: referenceToV1(object.describedObject),
      metricName: object.metric?.name ?? '',
      targetValue: object.target?.value ?? ZERO,
      selector: sortedSelector(object.metric?.selector),
      averageValue: object.target?.averageValue,
    },
    pods: pods && {
      metricName: pods.metric?.name ?? '',
      targetAverageValue: pods.target?.averageValue ?? ZERO,
      selector: sortedSelector(pods.metric?.selector),
    },
    resource: resource && {
      name: resource.name ?? '',
      targetAverageUtilization: resource.target?.averageUtilization,
      targetAverageValue: resource.target?.averageValue,
    },
    containerResource: containerResource && {
      name: containerResource.name ?? '',
      targetAverageUtilization: containerResource.target?.averageUtilization,
      targetAverageValue: containerResource.target?.averageValue,
      container: containerResource.container ?? '',
    },
    external: external && {
      metricName: external.metric?.name ?? '',
      metricSelector: sortedSelector(external.metric?.selector),
      targetValue: external.target?.value,
      targetAverageValue: external.target?.averageValue,
    },
  }
}

/** A metric of a status in the form of v1. */
export function metricStatusToV1({
  type,
  object,
  pods,
  resource,
  containerResource,
  external,
}: MetricStatus): V1Metric {
  return {
    type,
    object: object && {
      target: referenceToV1(object.describedObject),
      metricName: object.metric?.name ?? '',
      currentValue: object.current?.value ?? ZERO,
      selector: sortedSelector(object.metric?.selector),
      averageValue: object.current?.averageValue,
    },
    pods: pods && {
      metricName: pods.metric?.name ?? '',
      currentAverageValue: pods.current?.averageValue ?? ZERO,
      selector: sortedSelector(pods.metric?.selector),
    },
    resource: resource && {
      name: resource.name ?? '',
      currentAverageUtilization: resource.current?.averageUtilization,
      currentAverageValue: resource.current?.averageValue ?? ZERO,
    },
    containerResource: containerResource && {
      name: containerResource.name ?? '',
      currentAverageUtilization: containerResource.current?.averageUtilization,
      currentAverageValue: containerResource.current?.averageValue ?? ZERO,
      container: containerResource.container ?? '',
    },
    external: external && {
      metricName: external.metric?.name ?? '',
      metricSelector: sortedSelector(external.metric?.selector),
      currentValue: external.current?.value ?? ZERO,
      currentAverageValue: external.current?.averageValue,
    },
  }
}

/** Leaves out members that are not set, so that the object is in normal form. */
function compact<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T
}

function readSelector(reader: GoJsonReader, name: string): LabelSelector | undefined {
  const value = reader.value(name)
  if (value === undefined) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) throw new GoJsonError(`${name}: not an object`)
  return value as LabelSelector
}

const readReference = (reader: GoJsonReader): CrossVersionObjectReference =>
  compact({
    kind: reader.string('kind') ?? '',
    name: reader.string('name') ?? '',
    apiVersion: reader.string('apiVersion') || undefined,
  })

const readIdentifier = (reader: GoJsonReader, selectorName = 'selector'): MetricIdentifier =>
  compact({ name: reader.string('metricName') ?? '', selector: readSelector(reader, selectorName) })

const emptyReference: CrossVersionObjectReference = { kind: '', name: '' }

/** A value of 0 beside an average cannot be told from none. */
function objectTarget(value: string, averageValue: string | undefined): MetricTarget {
  if (averageValue === undefined) return { type: 'Value', value }
  if (parseQuantity(value).isZero()) return { type: 'AverageValue', averageValue }
  return { type: 'AverageValue', value, averageValue }
}

function readResourceTarget(reader: GoJsonReader): MetricTarget {
  const averageUtilization = reader.integer('targetAverageUtilization')
  const type = averageUtilization === undefined ? 'AverageValue' : 'Utilization'
  return compact({ type, averageValue: reader.quantity('targetAverageValue'), averageUtilization })
}

function readExternalTarget(reader: GoJsonReader): MetricTarget {
  const value = reader.quantity('targetValue')
  const type = value === undefined ? 'AverageValue' : 'Value'
  return compact({ type, value, averageValue: reader.quantity('targetAverageValue') })
}

/** A metric of a spec from the form of v1. */
export function metricSpecFromV1(reader: GoJsonReader): MetricSpec {
  return compact({
    type: reader.string('type') ?? '',
    object: reader.object('object', (source) => ({
      describedObject: source.object('target', readReference) ?? emptyReference,
      metric: readIdentifier(source),
      target: objectTarget(source.quantity('targetValue') ?? ZERO, source.quantity('averageValue')),
    })),
    pods: reader.object('pods', (source) => ({
      metric: readIdentifier(source),
      target: { type: 'AverageValue', averageValue: source.quantity('targetAverageValue') ?? ZERO },
    })),
    resource: reader.object('resource', (source) => ({
      name: source.string('name') ?? '',
      target: readResourceTarget(source),
    })),
    containerResource: reader.object('containerResource', (source) => ({
      name: source.string('name') ?? '',
      container: source.string('container') ?? '',
      target: readResourceTarget(source),
    })),
    external: reader.object('external', (source) => ({
      metric: readIdentifier(source, 'metricSelector'),
      target: readExternalTarget(source),
    })),
  })
}

const readResourceCurrent = (reader: GoJsonReader) =>
  compact({
    averageValue: reader.quantity('currentAverageValue') ?? ZERO,
    averageUtilization: reader.integer('currentAverageUtilization'),
  })

/** A metric of a status from the form of v1. */
export function metricStatusFromV1(reader: GoJsonReader): MetricStatus {
  return compact({
    type: reader.string('type') ?? '',
    object: reader.object('object', (source) => ({
      describedObject: source.object('target', readReference) ?? emptyReference,
      metric: readIdentifier(source),
      current: compact({
        value: source.quantity('currentValue') ?? ZERO,
        averageValue: source.quantity('averageValue'),
      }),
    })),
    pods: reader.object('pods', (source) => ({
      metric: readIdentifier(source),
      current: { averageValue: source.quantity('currentAverageValue') ?? ZERO },
    })),
    resource: reader.object('resource', (source) => ({
      name: source.string('name') ?? '',
      current: readResourceCurrent(source),
    })),
    containerResource: reader.object('containerResource', (source) => ({
      name: source.string('name') ?? '',
      container: source.string('container') ?? '',
      current: readResourceCurrent(source),
    })),
    external: reader.object('external', (source) => ({
      metric: readIdentifier(source, 'metricSelector'),
      current: compact({
        value: source.quantity('currentValue') ?? ZERO,
        averageValue: source.quantity('currentAverageValue'),
      }),
    })),
  })
}
