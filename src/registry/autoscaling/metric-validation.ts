import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { parseQuantity } from '../../apimachinery/quantity.ts'
import type {
  ContainerResourceMetricSource,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  ResourceMetricSource,
} from '../../apimachinery/types/autoscaling-v2.ts'
import { invalidEach, isDNS1123Label, isPathSegmentName } from '../../apimachinery/validation/names.ts'
import { validateContainerResourceName } from '../core/resource-quantity.ts'
import { type ReferenceOptions, validateObjectReference } from './object-reference.ts'

/** Sources in the order in which they are looked at; only the first one that is set is checked. */
const SOURCES = ['object', 'external', 'pods', 'resource', 'containerResource'] as const
type Source = (typeof SOURCES)[number]

const SOURCE_OF_TYPE: ReadonlyMap<string, Source> = new Map([
  ['ContainerResource', 'containerResource'],
  ['External', 'external'],
  ['Object', 'object'],
  ['Pods', 'pods'],
  ['Resource', 'resource'],
])
const TYPES = [...SOURCE_OF_TYPE.keys()]
const TARGET_TYPES = ['Utilization', 'Value', 'AverageValue']

function validatePositive(quantity: string | undefined, path: FieldPath): FieldError[] {
  if (quantity === undefined || parseQuantity(quantity).sign() > 0) return []
  return [invalid(path, quantity, 'must be positive')]
}

function validateTarget(target: MetricTarget | undefined, path: FieldPath): FieldError[] {
  const { type = '', value, averageValue, averageUtilization } = target ?? {}
  const errors: FieldError[] = []
  const typePath = path.child('type')
  if (type === '') errors.push(required(typePath, 'must specify a metric target type'))
  if (!TARGET_TYPES.includes(type)) {
    errors.push(invalid(typePath, type, 'must be either Utilization, Value, or AverageValue'))
  }
  errors.push(
    ...validatePositive(value, path.child('value')),
    ...validatePositive(averageValue, path.child('averageValue')),
  )
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalid(path.child('averageUtilization'), averageUtilization, 'must be greater than 0'))
  }
  return errors
}

function validateIdentifier(metric: MetricIdentifier | undefined, path: FieldPath): FieldError[] {
  const name = metric?.name ?? ''
  const namePath = path.child('name')
  return name === ''
    ? [required(namePath, 'must specify a metric name')]
    : invalidEach(namePath, name, isPathSegmentName(name))
}

/** Sources with a metric of their own name. */
function validateNamedMetric(
  { metric, target }: { readonly metric?: MetricIdentifier; readonly target?: MetricTarget },
  path: FieldPath,
): FieldError[] {
  return [...validateIdentifier(metric, path.child('metric')), ...validateTarget(target, path.child('target'))]
}

function validateResourceTarget(target: MetricTarget | undefined, path: FieldPath): FieldError[] {
  const { averageUtilization, averageValue } = target ?? {}
  const errors = validateTarget(target, path)
  if (averageUtilization === undefined && averageValue === undefined) {
    errors.push(
      required(path.child('averageUtilization'), 'must set either a target raw value or a target utilization'),
    )
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    errors.push(forbidden(path.child('averageValue'), 'may not set both a target raw value and a target utilization'))
  }
  return errors
}

function validateResource({ name = '', target }: Partial<ResourceMetricSource>, path: FieldPath): FieldError[] {
  const errors = name === '' ? [required(path.child('name'), 'must specify a resource name')] : []
  return errors.concat(validateResourceTarget(target, path.child('target')))
}

function validateContainerResource(source: Partial<ContainerResourceMetricSource>, path: FieldPath): FieldError[] {
  const { name = '', container = '', target } = source
  const namePath = path.child('name')
  const containerPath = path.child('container')
  return [
    ...(name === ''
      ? [required(namePath, 'must specify a resource name')]
      : validateContainerResourceName(name, namePath)),
    ...(container === ''
      ? [required(containerPath, 'must specify a container')]
      : invalidEach(containerPath, container, isDNS1123Label(container))),
    ...validateResourceTarget(target, path.child('target')),
  ]
}

function validateSource(spec: MetricSpec, source: Source, path: FieldPath, options: ReferenceOptions): FieldError[] {
  const target: MetricTarget | undefined = spec[source]?.target
  const hasNone = target?.value === undefined && target?.averageValue === undefined
  const averageValuePath = path.child('target', 'averageValue')
  switch (source) {
    case 'object': {
      const errors = [
        ...validateObjectReference(spec.object!.describedObject, path.child('describedObject'), options),
        ...validateNamedMetric(spec.object!, path),
      ]
      if (hasNone) errors.push(required(averageValuePath, 'must set either a target value or averageValue'))
      return errors
    }
    case 'external': {
      const errors = validateNamedMetric(spec.external!, path)
      if (hasNone) {
        errors.push(required(averageValuePath, 'must set either a target value for metric or a per-pod target'))
      }
      if (target?.value !== undefined && target.averageValue !== undefined) {
        const detail = 'may not set both a target value for metric and a per-pod target'
        errors.push(forbidden(path.child('target', 'value'), detail))
      }
      return errors
    }
    case 'pods': {
      const errors = validateNamedMetric(spec.pods!, path)
      if (target?.averageValue !== undefined) return errors
      return [...errors, required(averageValuePath, 'must specify a positive target averageValue')]
    }
    case 'resource':
      return validateResource(spec.resource!, path)
    case 'containerResource':
      return validateContainerResource(spec.containerResource!, path)
  }
}

function validateMetric(spec: MetricSpec, path: FieldPath, options: ReferenceOptions): FieldError[] {
  const type = spec.type ?? ''
  const typePath = path.child('type')
  const expected = SOURCE_OF_TYPE.get(type)
  const unknownType = (): FieldError => notSupported(typePath, type, TYPES)
  const errors: FieldError[] = []
  if (type === '') errors.push(required(typePath, 'must specify a metric source type'))
  if (!expected) errors.push(unknownType())
  const present = SOURCES.filter((source) => spec[source] !== undefined)
  if (present[0]) errors.push(...validateSource(spec, present[0], path.child(present[0]), options))
  if (!expected) errors.push(unknownType())
  else if (!spec[expected]) {
    errors.push(required(path.child(expected), 'must populate information for the given metric source'))
  }
  if (present.length === 1) return errors
  const others = present.filter((source) => source !== expected)
  const detail = 'must populate the given metric source only'
  return errors.concat(others.map((source) => forbidden(path.child(source), detail)))
}

/** @see pkg/apis/autoscaling/validation/validation.go validateMetrics */
export function validateMetrics(
  metrics: readonly MetricSpec[],
  minReplicas: number | undefined,
  path: FieldPath,
  options: ReferenceOptions,
): FieldError[] {
  const errors = metrics.flatMap((metric, i) => validateMetric(metric, path.index(i), options))
  const mayScaleToZero = metrics.some(({ type }) => type === 'Object' || type === 'External')
  if (minReplicas === 0 && !mayScaleToZero) {
    const detail = 'must specify at least one Object or External metric to support scaling to zero replicas'
    errors.push(forbidden(path, detail))
  }
  return errors
}
