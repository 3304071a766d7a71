import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { NodeSelectorTerm } from '../../apimachinery/types/core-v1.ts'
import { isValidLabelValue } from '../../apimachinery/validation/names.ts'
import { deprecatedNodeLabelMessage } from '../deprecated-node-labels.ts'

/** Whether a term asks for a label value that no node can have. */
export function hasInvalidLabelValue(terms: readonly NodeSelectorTerm[] | undefined): boolean {
  return (terms ?? []).some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ values = [] }) => values.some((value) => isValidLabelValue(value).length > 0)),
  )
}

/**
 * Warnings about the labels that a term asks for. `values`: also about values that no label has, where those are no
 * errors.
 *
 * @see kubernetes pkg/api/node/util.go GetWarningsForNodeSelectorTerm
 */
export function nodeSelectorTermWarnings(
  term: NodeSelectorTerm | undefined,
  path: FieldPath,
  options: { readonly values: boolean },
): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key = '', values = [] }, i) => {
    const own = path.child('matchExpressions').index(i)
    const message = deprecatedNodeLabelMessage(key)
    const ofValue = (value: string, j: number): string[] =>
      isValidLabelValue(value).map((text) => `${own.child('values').index(j)}: ${value} is invalid, ${text}`)
    return [
      ...(message === undefined ? [] : [`${own.child('key')}: ${key} is ${message}`]),
      ...(options.values ? values.flatMap(ofValue) : []),
    ]
  })
}
