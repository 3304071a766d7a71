/**
 * Node selectors of volumes and of other objects that are not pods; they are validated as those of pods are.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go, pkg/api/node/util.go
 */
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { NodeSelectorTerm } from '../../apimachinery/types/core-v1.ts'
import { isValidLabelValue } from '../../apimachinery/validation/names.ts'
import { deprecatedNodeLabelMessage } from '../deprecated-node-labels.ts'

export { validateNodeSelector } from './pod/scheduling-validation.ts'

/** Whether a term asks for a label value that no node can have. */
export function hasInvalidLabelValue(terms: readonly NodeSelectorTerm[] | undefined): boolean {
  return (terms ?? []).some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ values = [] }) => values.some((value) => isValidLabelValue(value).length > 0)),
  )
}

/** Warnings about the labels that a term asks for. */
export function nodeSelectorTermWarnings(term: NodeSelectorTerm, path: FieldPath): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key }, i) => {
    const message = deprecatedNodeLabelMessage(key)
    return message === undefined
      ? []
      : [`${path.child('matchExpressions').index(i).child('key')}: ${key} is ${message}`]
  })
}
