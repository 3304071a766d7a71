import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
} from '../../apimachinery/types/autoscaling-v2.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateCounts } from '../apps/counts.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { validateNonnegativeQuantity } from '../core/resource-quantity.ts'
import { defineResource, type StrategyContext } from '../resource.ts'
import { autoscalingV1View } from './autoscaling-v1-view.ts'
import { setDefaults } from './hpa-defaults.ts'
import { hpaTable } from './hpa-table.ts'
import { validateMetrics } from './metric-validation.ts'
import { type ReferenceOptions, validateApiVersion, validateObjectReference } from './object-reference.ts'
import { dropRoundTripAnnotations } from './round-trip-annotations.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

const MAX_PERIOD_SECONDS = 1800
const MAX_STABILIZATION_WINDOW_SECONDS = 3600

interface SpecOptions {
  readonly minReplicasLowerBound: 0 | 1
  readonly scaleTarget: ReferenceOptions
  readonly objectMetrics: ReferenceOptions
}

const usesTolerance = ({ behavior }: HorizontalPodAutoscalerSpec): boolean =>
  behavior?.scaleDown?.tolerance !== undefined || behavior?.scaleUp?.tolerance !== undefined

/** The tolerance is dropped where its feature is off, unless the stored object has one. */
function dropDisabledFields(
  hpa: HorizontalPodAutoscaler,
  old: HorizontalPodAutoscaler | undefined,
  { config }: StrategyContext,
): void {
  if (config.featureGates['HPAConfigurableTolerance'] ?? true) return
  if (old && usesTolerance(old.spec)) return
  delete hpa.spec.behavior?.scaleDown?.tolerance
  delete hpa.spec.behavior?.scaleUp?.tolerance
}

function specOptions(
  hpa: HorizontalPodAutoscaler,
  old: HorizontalPodAutoscaler | undefined,
  { config }: StrategyContext,
): SpecOptions {
  const scalesToZero = (config.featureGates['HPAScaleToZero'] ?? false) || old?.spec.minReplicas === 0
  const target = hpa.spec.scaleTargetRef
  const oldTarget = old?.spec.scaleTargetRef
  const sameTarget = oldTarget?.apiVersion === target?.apiVersion && oldTarget?.kind === target?.kind
  const objectMetrics = { allowInvalidApiVersion: false, allowEmptyApiGroup: true }
  const storedInvalid = (old?.spec.metrics ?? []).some(
    ({ type, object }) => type === 'Object' && object && validateApiVersion(object.describedObject, objectMetrics),
  )
  return {
    minReplicasLowerBound: scalesToZero ? 0 : 1,
    scaleTarget: {
      allowInvalidApiVersion: old !== undefined && sameTarget,
      allowEmptyApiGroup: target?.kind === 'ReplicationController',
    },
    objectMetrics: { ...objectMetrics, allowInvalidApiVersion: storedInvalid },
  }
}

function validateReplicas(
  { minReplicas, maxReplicas = 0 }: HorizontalPodAutoscalerSpec,
  lowerBound: number,
): FieldError[] {
  const errors: FieldError[] = []
  const maxPath = SPEC.child('maxReplicas')
  if (minReplicas !== undefined && minReplicas < lowerBound) {
    errors.push(invalid(SPEC.child('minReplicas'), minReplicas, `must be greater than or equal to ${lowerBound}`))
  }
  if (maxReplicas === 0) errors.push(required(maxPath, 'must be set and greater than 0'))
  else if (maxReplicas < 0) errors.push(invalid(maxPath, maxReplicas, 'must be greater than or equal to 1'))
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid(maxPath, maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  return errors
}

function validateScalingPolicy(policy: HPAScalingPolicy, path: FieldPath): FieldError[] {
  const { type = '', value = 0, periodSeconds = 0 } = policy
  const errors: FieldError[] = []
  if (type !== 'Pods' && type !== 'Percent') errors.push(notSupported(path.child('type'), type, ['Percent', 'Pods']))
  if (value <= 0) errors.push(invalid(path.child('value'), value, 'must be greater than zero'))
  const periodPath = path.child('periodSeconds')
  if (periodSeconds <= 0) errors.push(invalid(periodPath, periodSeconds, 'must be greater than zero'))
  if (periodSeconds > MAX_PERIOD_SECONDS) {
    errors.push(invalid(periodPath, periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`))
  }
  return errors
}

function validateScalingRules(rules: HPAScalingRules | undefined, path: FieldPath): FieldError[] {
  if (!rules) return []
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules
  const errors: FieldError[] = []
  const windowPath = path.child('stabilizationWindowSeconds')
  if (window !== undefined && window < 0) {
    errors.push(invalid(windowPath, window, 'must be greater than or equal to zero'))
  }
  if (window !== undefined && window > MAX_STABILIZATION_WINDOW_SECONDS) {
    errors.push(invalid(windowPath, window, `must be less than or equal to ${MAX_STABILIZATION_WINDOW_SECONDS}`))
  }
  const known = ['Disabled', 'Max', 'Min']
  if (selectPolicy !== undefined && !known.includes(selectPolicy)) {
    errors.push(notSupported(path.child('selectPolicy'), selectPolicy, known))
  }
  const policiesPath = path.child('policies')
  if (policies.length === 0) errors.push(required(policiesPath, 'must specify at least one Policy'))
  errors.push(...policies.flatMap((policy, i) => validateScalingPolicy(policy, policiesPath.index(i))))
  if (tolerance !== undefined) errors.push(...validateNonnegativeQuantity(tolerance, path.child('tolerance')))
  return errors
}

function validateSpec(spec: HorizontalPodAutoscalerSpec, options: SpecOptions): FieldError[] {
  const behaviorPath = SPEC.child('behavior')
  const metricsPath = SPEC.child('metrics')
  return [
    ...validateReplicas(spec, options.minReplicasLowerBound),
    ...validateObjectReference(spec.scaleTargetRef, SPEC.child('scaleTargetRef'), options.scaleTarget),
    ...validateMetrics(spec.metrics ?? [], spec.minReplicas, metricsPath, options.objectMetrics),
    ...validateScalingRules(spec.behavior?.scaleUp, behaviorPath.child('scaleUp')),
    ...validateScalingRules(spec.behavior?.scaleDown, behaviorPath.child('scaleDown')),
  ]
}

/** @see pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go, pkg/apis/autoscaling/validation/validation.go */
export const horizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  resource: 'horizontalpodautoscalers',
  hubVersion: 'v2',
  defaults(hpa) {
    dropRoundTripAnnotations(hpa.metadata)
    setDefaults(hpa)
  },
  strategy: {
    prepareForCreate(hpa, context) {
      delete hpa.status
      dropDisabledFields(hpa, undefined, context)
    },
    validate: (hpa, context) => [
      ...validateObjectMeta(hpa.metadata, true, nameIsDNSSubdomain, METADATA),
      ...validateSpec(hpa.spec, specOptions(hpa, undefined, context)),
    ],
    prepareForUpdate(hpa, old, context) {
      hpa.status = old.status
      dropDisabledFields(hpa, old, context)
    },
    validateUpdate: (hpa, old, context) => [
      ...validateObjectMetaUpdate(hpa.metadata, old.metadata, METADATA),
      ...validateSpec(hpa.spec, specOptions(hpa, old, context)),
    ],
    // What came by autoscaling/v1 has the defaults of v2 when it is read again.
    canonicalize: setDefaults,
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(hpa, old) {
        hpa.spec = old.spec
      },
      validateUpdate: (hpa, old) => [
        ...validateObjectMetaUpdate(hpa.metadata, old.metadata, METADATA),
        ...validateCounts(hpa.status ?? { desiredReplicas: 0 }, ['currentReplicas', 'desiredReplicas'], STATUS),
      ],
    },
  },
  views: [autoscalingV1View],
  table: hpaTable,
})
