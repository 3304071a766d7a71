/**
 * Node selectors of volumes and of other objects that are not pods.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go, pkg/api/node/util.go
 */
import type { FieldError } from '../../apimachinery/field-error.ts'
import { forbidden, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from '../../apimachinery/types/core-v1.ts'
import { invalidEach, isValidLabelValue } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateLabelName } from '../../apimachinery/validation/object-meta.ts'
import { namedString } from './pod/field-checks.ts'

export interface NodeSelectorOptions {
  /** Set where the stored object has such a value already. */
  readonly allowInvalidLabelValue?: boolean
}

export function validateNodeSelector(
  selector: NodeSelector,
  options: NodeSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const terms = selector.nodeSelectorTerms ?? []
  const at = path.child('nodeSelectorTerms')
  if (terms.length === 0) return [required(at, 'must have at least one node selector term')]
  return terms.flatMap((term, i) => validateNodeSelectorTerm(term, options, at.index(i)))
}

export function validateNodeSelectorTerm(
  term: NodeSelectorTerm,
  options: NodeSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const { matchExpressions = [], matchFields = [] } = term
  return [
    ...matchExpressions.flatMap((requirement, i) =>
      validateLabelRequirement(requirement, options, path.child('matchExpressions').index(i)),
    ),
    ...matchFields.flatMap((requirement, i) =>
      validateFieldRequirement(requirement, path.child('matchFields').index(i)),
    ),
  ]
}

function validateLabelRequirement(
  requirement: NodeSelectorRequirement,
  { allowInvalidLabelValue = false }: NodeSelectorOptions,
  path: FieldPath,
): FieldError[] {
  const { key = '', values = [] } = requirement
  const at = path.child('values')
  const errors = [...validateOperator(requirement, path), ...validateLabelName(key, path.child('key'))]
  if (allowInvalidLabelValue) return errors
  for (const [i, value] of values.entries()) {
    errors.push(...invalidEach(at.index(i), value, isValidLabelValue(value)))
  }
  return errors
}

function validateOperator({ operator = '', values = [] }: NodeSelectorRequirement, path: FieldPath): FieldError[] {
  const at = path.child('values')
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length > 0) return []
      return [required(at, "must be specified when `operator` is 'In' or 'NotIn'")]
    case 'Exists':
    case 'DoesNotExist':
      if (values.length === 0) return []
      return [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    case 'Gt':
    case 'Lt':
      if (values.length === 1) return []
      return [required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")]
    default:
      return [invalid(path.child('operator'), namedString(operator), 'not a valid selector operator')]
  }
}

/** The only field is metadata.name. */
function validateFieldRequirement(
  { key = '', operator = '', values = [] }: NodeSelectorRequirement,
  path: FieldPath,
): FieldError[] {
  const at = path.child('values')
  const errors: FieldError[] = []
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(path.child('operator'), namedString(operator), 'not a valid selector operator'))
  } else if (values.length !== 1) {
    const words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
    errors.push(required(at, words))
  }
  if (key !== 'metadata.name') {
    errors.push(invalid(path.child('key'), key, 'not a valid field selector key'))
    return errors
  }
  for (const [i, value] of values.entries()) {
    errors.push(...invalidEach(at.index(i), value, nameIsDNSSubdomain(value, false)))
  }
  return errors
}

/** Whether a term asks for a label value that no node can have; see {@link NodeSelectorOptions}. */
export function hasInvalidLabelValue(terms: readonly NodeSelectorTerm[] | undefined): boolean {
  return (terms ?? []).some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ values = [] }) => values.some((value) => isValidLabelValue(value).length > 0)),
  )
}

/** Labels of nodes that have had their day, with what to say about them. */
const DEPRECATED_NODE_LABELS: ReadonlyMap<string, string> = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
])

/** What to say about a label of nodes that should not be used; undefined where there is nothing. */
export function nodeLabelDeprecation(key: string): string | undefined {
  return DEPRECATED_NODE_LABELS.get(key)
}

/** Warnings about the labels that a term asks for. */
export function nodeSelectorTermWarnings(term: NodeSelectorTerm, path: FieldPath): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key }, i) => {
    const message = nodeLabelDeprecation(key)
    return message === undefined
      ? []
      : [`${path.child('matchExpressions').index(i).child('key')}: ${key} is ${message}`]
  })
}
