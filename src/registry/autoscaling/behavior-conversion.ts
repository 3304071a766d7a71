import { goAny, goInt, goList, goPointer, goString, goStruct } from '../../apimachinery/go-struct.ts'
import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from '../../apimachinery/types/autoscaling-v2.ts'
import { GoJsonReader } from './go-json-reader.ts'

const rulesType = goPointer(
  goStruct(
    ['StabilizationWindowSeconds', 'stabilizationWindowSeconds', goAny],
    ['SelectPolicy', 'selectPolicy', goAny],
    [
      'Policies',
      'policies',
      goList(
        goStruct(['Type', 'type', goString], ['Value', 'value', goInt], ['PeriodSeconds', 'periodSeconds', goInt]),
      ),
    ],
    ['Tolerance', 'tolerance', goAny],
  ),
)

/** The internal struct, with Go's names: what the annotation of autoscaling/v1 carries. */
export const behaviorType = goStruct(['ScaleUp', 'scaleUp', rulesType], ['ScaleDown', 'scaleDown', rulesType])

function readRules(reader: GoJsonReader): HPAScalingRules {
  const rules: HPAScalingRules = {}
  const stabilizationWindowSeconds = reader.integer('StabilizationWindowSeconds')
  const selectPolicy = reader.string('SelectPolicy')
  const policies = reader.value('Policies')
  const tolerance = reader.quantity('Tolerance')
  if (stabilizationWindowSeconds !== undefined) rules.stabilizationWindowSeconds = stabilizationWindowSeconds
  if (selectPolicy !== undefined) rules.selectPolicy = selectPolicy
  if (policies !== undefined) {
    rules.policies = GoJsonReader.list(policies, (policy) => ({
      type: policy.string('Type') ?? '',
      value: policy.integer('Value') ?? 0,
      periodSeconds: policy.integer('PeriodSeconds') ?? 0,
    }))
  }
  if (tolerance !== undefined) rules.tolerance = tolerance
  return rules
}

/** The behaviour of an annotation; undefined where it names neither direction. */
export function readBehavior(value: unknown): HorizontalPodAutoscalerBehavior | undefined {
  const reader = GoJsonReader.of(value)
  const scaleUp = reader.object('ScaleUp', readRules)
  const scaleDown = reader.object('ScaleDown', readRules)
  if (!scaleUp && !scaleDown) return undefined
  return { ...(scaleUp ? { scaleUp } : {}), ...(scaleDown ? { scaleDown } : {}) }
}
