import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  PodSchedulingGate,
  Toleration,
  TopologySpreadConstraint,
} from '../../../apimachinery/types/core-v1.ts'
import { isValidLabelValue } from '../../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateLabelName,
  validateLabelSelector,
  validateNamespaceName,
} from '../../../apimachinery/validation/object-meta.ts'
import { addInvalid, checkOneOf, checkQualifiedName, type Errors, namedString } from './field-checks.ts'
import {
  podAffinityTermSelectorErrors,
  validateMatchLabelKeysAndMismatchLabelKeys,
  validateMatchLabelKeysInTopologySpread,
} from './label-keys-validation.ts'
import type { PodValidationOptions } from './pod-validation-options.ts'

const NOT_AN_OPERATOR = 'not a valid selector operator'
const MAX_WEIGHT = 100
const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

/** How a node selector's values are looked at. */
interface NodeSelectorOptions {
  readonly allowInvalidLabelValueInRequiredNodeAffinity?: boolean
}

/** Terms of which a node must meet one. */
export function validateNodeSelector(
  selector: NodeSelector,
  options: NodeSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const at = path.child('nodeSelectorTerms')
  const terms = selector.nodeSelectorTerms ?? []
  if (terms.length === 0) return [required(at, 'must have at least one node selector term')]
  return terms.flatMap((term, i) => validateNodeSelectorTerm(term, options, at.index(i)))
}

/** Requirements of which a node must meet all. */
function validateNodeSelectorTerm(
  term: NodeSelectorTerm | undefined,
  options: NodeSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, requirement] of (term?.matchExpressions ?? []).entries()) {
    checkNodeLabelRequirement(errors, requirement, options, path.child('matchExpressions').index(i))
  }
  for (const [i, requirement] of (term?.matchFields ?? []).entries()) {
    checkNodeFieldRequirement(errors, requirement, path.child('matchFields').index(i))
  }
  return errors
}

function checkNodeLabelRequirement(
  errors: Errors,
  { key = '', operator = '', values = [] }: NodeSelectorRequirement,
  options: NodeSelectorOptions,
  path: FieldPath,
): void {
  const at = path.child('values')
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      errors.push(forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    }
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) {
      errors.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
    }
  } else errors.push(invalid(path.child('operator'), namedString(operator), NOT_AN_OPERATOR))
  errors.push(...validateLabelName(key, path.child('key')))
  if (options.allowInvalidLabelValueInRequiredNodeAffinity) return
  for (const [i, value] of values.entries()) addInvalid(errors, at.index(i), value, isValidLabelValue(value))
}

function checkNodeFieldRequirement(
  errors: Errors,
  { key = '', operator = '', values = [] }: NodeSelectorRequirement,
  path: FieldPath,
): void {
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(path.child('operator'), namedString(operator), NOT_AN_OPERATOR))
  } else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
    errors.push(required(path.child('values'), detail))
  }
  if (key !== 'metadata.name') {
    errors.push(invalid(path.child('key'), key, 'not a valid field selector key'))
    return
  }
  for (const [i, value] of values.entries()) {
    addInvalid(errors, path.child('values').index(i), value, nameIsDNSSubdomain(value, false))
  }
}

/** Affinity of a pod to nodes and to other pods. */
export function checkAffinity(
  errors: Errors,
  affinity: Affinity | undefined,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  if (!affinity) return
  if (affinity.nodeAffinity) checkNodeAffinity(errors, affinity.nodeAffinity, path.child('nodeAffinity'), options)
  if (affinity.podAffinity) checkPodAffinity(errors, affinity.podAffinity, path.child('podAffinity'), options)
  if (affinity.podAntiAffinity) {
    checkPodAffinity(errors, affinity.podAntiAffinity, path.child('podAntiAffinity'), options)
  }
}

function checkNodeAffinity(
  errors: Errors,
  affinity: NodeAffinity,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const must = affinity.requiredDuringSchedulingIgnoredDuringExecution
  if (must) {
    errors.push(...validateNodeSelector(must, options, path.child('requiredDuringSchedulingIgnoredDuringExecution')))
  }
  const list = path.child('preferredDuringSchedulingIgnoredDuringExecution')
  for (const [i, term] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    checkWeight(errors, term.weight, list.index(i))
    const anyValue = { allowInvalidLabelValueInRequiredNodeAffinity: true }
    errors.push(...validateNodeSelectorTerm(term.preference, anyValue, list.index(i).child('preference')))
  }
}

function checkWeight(errors: Errors, weight: number | undefined, path: FieldPath): void {
  const value = weight ?? 0
  if (value <= 0 || value > MAX_WEIGHT) errors.push(invalid(path.child('weight'), value, 'must be in the range 1-100'))
}

function checkPodAffinity(errors: Errors, affinity: PodAffinity, path: FieldPath, options: PodValidationOptions): void {
  const must = path.child('requiredDuringSchedulingIgnoredDuringExecution')
  for (const [i, term] of (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    checkPodAffinityTerm(errors, term, must.index(i), options)
  }
  const preferred = path.child('preferredDuringSchedulingIgnoredDuringExecution')
  for (const [i, term] of (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    checkWeight(errors, term.weight, preferred.index(i))
    checkPodAffinityTerm(
      errors,
      term.podAffinityTerm ?? { topologyKey: '' },
      preferred.index(i).child('podAffinityTerm'),
      options,
    )
  }
}

function checkPodAffinityTerm(
  errors: Errors,
  term: PodAffinityTerm,
  path: FieldPath,
  options: PodValidationOptions,
): void {
  const { namespaces = [], matchLabelKeys, mismatchLabelKeys, topologyKey = '' } = term
  errors.push(...podAffinityTermSelectorErrors(term, options.allowInvalidLabelValueInSelector, path))
  for (const name of namespaces) addInvalid(errors, path.child('namespace'), name, validateNamespaceName(name, false))
  errors.push(
    ...validateMatchLabelKeysAndMismatchLabelKeys(path, matchLabelKeys, mismatchLabelKeys, term.labelSelector),
  )
  if (topologyKey === '') errors.push(required(path.child('topologyKey'), 'can not be empty'))
  errors.push(...validateLabelName(topologyKey, path.child('topologyKey')))
}

/** Tolerations of a pod or of an annotation. */
export function validateTolerations(
  tolerations: readonly Toleration[],
  path: FieldPath,
  options: Pick<PodValidationOptions, 'allowTaintTolerationComparisonOperators'>,
): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, toleration] of tolerations.entries()) checkToleration(errors, toleration, path.index(i), options)
  return errors
}

function checkToleration(
  errors: Errors,
  toleration: Toleration,
  path: FieldPath,
  options: Pick<PodValidationOptions, 'allowTaintTolerationComparisonOperators'>,
): void {
  const { key = '', operator = '', effect = '' } = toleration
  if (key !== '') errors.push(...validateLabelName(key, path.child('key')))
  else if (operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
    errors.push(invalid(path.child('operator'), namedString(operator), detail))
  }
  if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
    errors.push(invalid(path.child('effect'), namedString(effect), detail))
  }
  checkTolerationValue(errors, toleration, path, options)
  if (effect !== '') checkOneOf(errors, effect, path.child('effect'), TAINT_EFFECTS)
}

function checkTolerationValue(
  errors: Errors,
  { operator = '', value = '' }: Toleration,
  path: FieldPath,
  options: Pick<PodValidationOptions, 'allowTaintTolerationComparisonOperators'>,
): void {
  const at = path.child('operator')
  if (operator === '' || operator === 'Equal') {
    const messages = isValidLabelValue(value)
    if (messages.length > 0) errors.push(invalid(at, value, messages.join(';')))
  } else if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(at, value, "value must be empty when `operator` is 'Exists'"))
  } else if (operator !== 'Lt' && operator !== 'Gt') checkOneOf(errors, operator, at, ['Equal', 'Exists'])
  else if (!options.allowTaintTolerationComparisonOperators) {
    errors.push(notSupported(at, namedString(operator), ['Equal', 'Exists', 'Lt', 'Gt']))
  } else addInvalid(errors, path.child('value'), value, decimalIntegerErrors(value))
}

const CANONICAL_INTEGER = /^(?:0|-?[1-9][0-9]*)$/
const INTEGER = /^[+-]?0*([0-9]*)$/
/** Digits of the largest int64. */
const MAX_INTEGER_DIGITS = 19

/** What content.IsDecimalInteger and strconv.ParseInt say of the text. */
function decimalIntegerErrors(text: string): string[] {
  const messages: string[] = []
  if (text === '') messages.push('must be non-empty')
  else if (!CANONICAL_INTEGER.test(text)) messages.push('must be a valid decimal integer in canonical form')
  const digits = /[0-9]/.test(text) ? INTEGER.exec(text)?.[1] : undefined
  if (digits === undefined) messages.push(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`)
  else if (digits.length > MAX_INTEGER_DIGITS || !fitsInt64(text.startsWith('-'), digits)) {
    messages.push(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`)
  }
  return messages
}

function fitsInt64(negative: boolean, digits: string): boolean {
  const value = negative ? -BigInt(digits) : BigInt(digits)
  return BigInt.asIntN(64, value) === value
}

/** Constraints on how pods spread over domains. */
export function checkTopologySpreadConstraints(
  errors: Errors,
  constraints: readonly TopologySpreadConstraint[],
  path: FieldPath,
  options: PodValidationOptions,
): void {
  for (const [i, constraint] of constraints.entries()) {
    const own = path.index(i)
    const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', matchLabelKeys, labelSelector } = constraint
    if (maxSkew <= 0) errors.push(invalid(own.child('maxSkew'), maxSkew, 'must be greater than zero'))
    if (topologyKey === '') errors.push(required(own.child('topologyKey'), 'can not be empty'))
    checkOneOf(errors, whenUnsatisfiable, own.child('whenUnsatisfiable'), ['DoNotSchedule', 'ScheduleAnyway'])
    const repeats = (c: TopologySpreadConstraint): boolean =>
      (c.topologyKey ?? '') === topologyKey && (c.whenUnsatisfiable ?? '') === whenUnsatisfiable
    if (constraints.slice(i + 1).some(repeats)) {
      errors.push(duplicate(own.child('{topologyKey, whenUnsatisfiable}'), `{${topologyKey}, ${whenUnsatisfiable}}`))
    }
    checkSpreadPolicies(errors, constraint, own)
    errors.push(
      ...(options.topologySpreadLabelKeys === 'merged'
        ? validateMatchLabelKeysAndMismatchLabelKeys(own, matchLabelKeys, undefined, labelSelector)
        : validateMatchLabelKeysInTopologySpread(own.child('matchLabelKeys'), matchLabelKeys, labelSelector)),
    )
    if (!options.allowInvalidTopologySpreadConstraintLabelSelector) {
      errors.push(...validateLabelSelector(labelSelector, {}, own.child('labelSelector')))
    }
  }
}

function checkSpreadPolicies(errors: Errors, constraint: TopologySpreadConstraint, path: FieldPath): void {
  const { minDomains, whenUnsatisfiable = '' } = constraint
  if (minDomains !== undefined) {
    const at = path.child('minDomains')
    if (minDomains <= 0) errors.push(invalid(at, minDomains, 'must be greater than zero'))
    if (whenUnsatisfiable !== 'DoNotSchedule') {
      const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
      errors.push(invalid(at, minDomains, detail))
    }
  }
  for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    if (constraint[field] !== undefined) checkOneOf(errors, constraint[field], path.child(field), ['Honor', 'Ignore'])
  }
}

/** Gates that keep a pod from being scheduled. */
export function checkSchedulingGates(errors: Errors, gates: readonly PodSchedulingGate[], path: FieldPath): void {
  const seen = new Set<string>()
  for (const [i, { name = '' }] of gates.entries()) {
    checkQualifiedName(errors, name, path.index(i))
    if (seen.has(name)) errors.push(duplicate(path.index(i), name))
    seen.add(name)
  }
}
