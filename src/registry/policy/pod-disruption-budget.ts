import { type FieldError, invalid, notSupported } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { IntOrString } from '../../apimachinery/types/intstr.ts'
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../apimachinery/types/policy-v1.ts'
import { validateConditions, validateLabelSelector } from '../../apimachinery/validation/object-meta.ts'
import { validateCounts } from '../apps/counts.ts'
import { isNotMoreThan100Percent, validatePositiveIntOrPercent } from '../apps/int-or-percent.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

const specType = goStruct(
  ['MinAvailable', 'minAvailable', goAny],
  ['Selector', 'selector', goAny],
  ['MaxUnavailable', 'maxUnavailable', goAny],
  ['UnhealthyPodEvictionPolicy', 'unhealthyPodEvictionPolicy', goAny],
)

function validateAmount(value: IntOrString | undefined, path: FieldPath): FieldError[] {
  if (value === undefined) return []
  return [...validatePositiveIntOrPercent(value, path), ...isNotMoreThan100Percent(value, path)]
}

function validateSpec(spec: PodDisruptionBudgetSpec, allowInvalidLabelValueInSelector: boolean): FieldError[] {
  const errors: FieldError[] = []
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    errors.push(invalid(SPEC, goStructValue(specType, spec), 'minAvailable and maxUnavailable cannot be both set'))
  }
  errors.push(
    ...validateAmount(spec.minAvailable, SPEC.child('minAvailable')),
    ...validateAmount(spec.maxUnavailable, SPEC.child('maxUnavailable')),
    ...validateLabelSelector(spec.selector, { allowInvalidLabelValueInSelector }, SPEC.child('selector')),
  )
  const policy = spec.unhealthyPodEvictionPolicy
  if (policy !== undefined && policy !== 'IfHealthyBudget' && policy !== 'AlwaysAllow') {
    errors.push(notSupported(SPEC.child('unhealthyPodEvictionPolicy'), policy, ['AlwaysAllow', 'IfHealthyBudget']))
  }
  return errors
}

const amount = (value: IntOrString | undefined): string => (value === undefined ? 'N/A' : String(value))

const table: TableDefinition<PodDisruptionBudget> = {
  columns: [
    nameColumn,
    column('Min Available'),
    column('Max Unavailable'),
    column('Allowed Disruptions', 'integer'),
    ageColumn,
  ],
  cells: ({ metadata, spec, status }, now) => [
    metadata.name ?? '',
    amount(spec?.minAvailable),
    amount(spec?.maxUnavailable),
    status?.disruptionsAllowed ?? 0,
    age({ metadata }, now),
  ],
}

/** @see pkg/registry/policy/poddisruptionbudget/strategy.go, pkg/apis/policy/validation/validation.go */
export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  resource: 'poddisruptionbudgets',
  hubVersion: 'v1',
  strategy: {
    prepareForCreate(budget) {
      delete budget.status
      budget.metadata.generation = 1
    },
    validate: (budget) => validateSpec(budget.spec ?? {}, false),
    prepareForUpdate(budget, old) {
      budget.status = old.status
      if (!semanticEqual(budget.spec, old.spec)) budget.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validateUpdate(budget, old) {
      const hadInvalidSelector = validateLabelSelector(old.spec?.selector, {}, SPEC).length > 0
      return validateSpec(budget.spec ?? {}, hadInvalidSelector)
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(budget, old) {
        budget.spec = old.spec
      },
      validateUpdate(budget) {
        const status = budget.status ?? {}
        return [
          ...validateConditions(status.conditions, STATUS.child('conditions')),
          ...validateCounts(status, ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'], STATUS),
        ]
      },
    },
  },
  table,
})
