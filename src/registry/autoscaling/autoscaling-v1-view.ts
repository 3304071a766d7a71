import { goJson } from '../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { HorizontalPodAutoscaler as HpaV1 } from '../../apimachinery/types/autoscaling-v1.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
} from '../../apimachinery/types/autoscaling-v2.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import type { VersionView } from '../resource.ts'
import { behaviorType, readBehavior } from './behavior-conversion.ts'
import { GoJsonReader } from './go-json-reader.ts'
import { cpuMetric } from './hpa-defaults.ts'
import { metricSpecFromV1, metricSpecToV1, metricStatusFromV1, metricStatusToV1 } from './metric-conversion.ts'
import {
  BEHAVIOR_ANNOTATION,
  CONDITIONS_ANNOTATION,
  CURRENT_METRICS_ANNOTATION,
  dropRoundTripAnnotations,
  METRICS_ANNOTATION,
} from './round-trip-annotations.ts'

const isCpu = (metric: MetricSpec | MetricStatus): boolean =>
  metric.type === 'Resource' && metric.resource?.name === 'cpu'

/** The one metric that autoscaling/v1 has a field for. */
function cpuUtilization(metric: MetricSpec): number | undefined {
  return isCpu(metric) ? metric.resource?.target?.averageUtilization : undefined
}

const encode = (value: unknown): string => goJson(value, { sortKeys: false })

function conditionToV1(condition: HorizontalPodAutoscalerCondition): unknown {
  const { type, status, lastTransitionTime, reason, message } = condition
  return {
    type,
    status,
    lastTransitionTime: lastTransitionTime ?? null,
    reason: reason || undefined,
    message: message || undefined,
  }
}

/** Annotations for everything that v1 has no field for. */
function annotationsFor({ spec, status }: HorizontalPodAutoscaler): Record<string, string> {
  const annotations: Record<string, string> = {}
  const others = (spec.metrics ?? []).filter((metric) => cpuUtilization(metric) === undefined)
  if (others.length > 0) annotations[METRICS_ANNOTATION] = encode(others.map(metricSpecToV1))
  const current = status?.currentMetrics ?? []
  if (current.length > 0) annotations[CURRENT_METRICS_ANNOTATION] = encode(current.map(metricStatusToV1))
  if (spec.behavior) annotations[BEHAVIOR_ANNOTATION] = encode(behaviorType(spec.behavior))
  const conditions = status?.conditions ?? []
  if (conditions.length > 0) annotations[CONDITIONS_ANNOTATION] = encode(conditions.map(conditionToV1))
  return annotations
}

function metadataFor(hpa: HorizontalPodAutoscaler): ObjectMeta {
  const metadata = { ...hpa.metadata }
  dropRoundTripAnnotations(metadata)
  const added = annotationsFor(hpa)
  if (Object.keys(added).length > 0) metadata.annotations = { ...metadata.annotations, ...added }
  return metadata
}

function specToV1({
  scaleTargetRef,
  minReplicas,
  maxReplicas,
  metrics = [],
}: HorizontalPodAutoscalerSpec): HpaV1['spec'] {
  const target = metrics.map(cpuUtilization).find((utilization) => utilization !== undefined)
  return {
    scaleTargetRef,
    ...(minReplicas === undefined ? {} : { minReplicas }),
    maxReplicas,
    ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }),
  }
}

function statusToV1(status: HorizontalPodAutoscalerStatus): HpaV1['status'] {
  const { currentMetrics, conditions: _, currentReplicas = 0, ...kept } = status
  const cpu = (currentMetrics ?? []).filter(isCpu).map((metric) => metric.resource?.current?.averageUtilization)
  const current = cpu.findLast((utilization) => utilization !== undefined)
  return {
    ...kept,
    currentReplicas,
    ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }),
  }
}

function fromHub(object: KubeObject): KubeObject {
  const hpa = object as unknown as HorizontalPodAutoscaler
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: metadataFor(hpa),
    spec: specToV1(hpa.spec),
    ...(hpa.status ? { status: statusToV1(hpa.status) } : {}),
  }
}

function readConditions(value: unknown): HorizontalPodAutoscalerCondition[] {
  return GoJsonReader.list(value, (reader) => {
    const { type, status, ...rest } = {
      type: reader.string('type') ?? '',
      status: reader.string('status') ?? '',
      lastTransitionTime: reader.string('lastTransitionTime'),
      reason: reader.string('reason') || undefined,
      message: reader.string('message') || undefined,
    }
    const set = Object.entries(rest).filter(([, text]) => text !== undefined)
    return { type, status, ...Object.fromEntries(set) }
  })
}

/** What an annotation holds; undefined where it is absent or malformed. */
function readAnnotation<T>(metadata: ObjectMeta, name: string, read: (value: unknown) => T): T | undefined {
  const text = metadata.annotations?.[name]
  return text === undefined ? undefined : GoJsonReader.tryParse(text, read)
}

function specToHub({ metadata, spec }: HpaV1): HorizontalPodAutoscalerSpec {
  const { targetCPUUtilizationPercentage: target, ...kept } = spec ?? {}
  const others = readAnnotation(metadata, METRICS_ANNOTATION, (value) => GoJsonReader.list(value, metricSpecFromV1))
  const metrics = [...(others ?? []), ...(target === undefined ? [] : [cpuMetric(target)])]
  const behavior = readAnnotation(metadata, BEHAVIOR_ANNOTATION, readBehavior)
  return {
    ...(kept as HorizontalPodAutoscalerSpec),
    metrics: metrics.length > 0 ? metrics : [cpuMetric()],
    ...(behavior ? { behavior } : {}),
  }
}

function statusToHub({ metadata, status }: HpaV1): HorizontalPodAutoscalerStatus | undefined {
  const { currentCPUUtilizationPercentage: averageUtilization, ...kept } = status ?? { desiredReplicas: 0 }
  const hub: HorizontalPodAutoscalerStatus = { ...kept, desiredReplicas: kept.desiredReplicas ?? 0 }
  if (averageUtilization !== undefined) {
    hub.currentMetrics = [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization } } }]
  }
  const current = readAnnotation(metadata, CURRENT_METRICS_ANNOTATION, (value) =>
    GoJsonReader.list(value, metricStatusFromV1),
  )
  if (current) hub.currentMetrics = current
  const conditions = readAnnotation(metadata, CONDITIONS_ANNOTATION, readConditions)
  if (conditions) hub.conditions = conditions
  return status || current || conditions ? hub : undefined
}

function toHub(object: KubeObject): KubeObject {
  const hpa = object as unknown as HpaV1
  const metadata = { ...hpa.metadata }
  dropRoundTripAnnotations(metadata)
  const status = statusToHub(hpa)
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata,
    spec: specToHub(hpa),
    ...(status ? { status } : {}),
  }
}

/**
 * HorizontalPodAutoscalers as autoscaling/v1 shows them: one target for CPU, all else in annotations.
 *
 * @see pkg/apis/autoscaling/v1/conversion.go, defaults.go
 */
export const autoscalingV1View: VersionView = {
  version: 'v1',
  defaults(object) {
    const hpa = object as unknown as HpaV1
    hpa.spec ??= {} as HpaV1['spec']
    hpa.spec.minReplicas ??= 1
  },
  toHub,
  fromHub,
}
