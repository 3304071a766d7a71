import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../apimachinery/types/core-v1.ts'

type Labels = Readonly<Record<string, string>>

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^[-+]?\d+$/.test(text) ? Number(text) : undefined
}

function requirementHolds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
  const { operator, values = [] } = requirement
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
    case 'Lt': {
      const actual = integer(value)
      const bound = integer(values[0])
      if (actual === undefined || bound === undefined) return false
      return operator === 'Gt' ? actual > bound : actual < bound
    }
    default:
      return false
  }
}

/** Whether a node is what a term describes; a term without conditions describes none. */
export function termMatchesNode(term: NodeSelectorTerm, labels: Labels, nodeName: string): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length === 0 && fields.length === 0) return false
  for (const expression of expressions) {
    if (!requirementHolds(expression, Object.hasOwn(labels, expression.key) ? labels[expression.key] : undefined)) {
      return false
    }
  }
  return fields.every((field) => requirementHolds(field, field.key === 'metadata.name' ? nodeName : undefined))
}

/** Whether any of the terms describes a node. */
export function anyTermMatchesNode(terms: readonly NodeSelectorTerm[], labels: Labels, nodeName: string): boolean {
  return terms.some((term) => termMatchesNode(term, labels, nodeName))
}

/**
 * Whether a node has what a pod's nodeSelector and required node affinity ask for.
 *
 * @see component-helpers scheduling/corev1/nodeaffinity RequiredNodeAffinity
 */
export function requiredAffinityMatches(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  const selector = pod.spec?.nodeSelector
  for (const key in selector) if (labels[key] !== selector[key]) return false
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || anyTermMatchesNode(required.nodeSelectorTerms, labels, node.metadata.name ?? '')
}
