import type { FieldPath } from '../apimachinery/field-path.ts'
import type { LabelSelector } from '../apimachinery/types/meta-v1.ts'

/** @see kubernetes pkg/api/node/util.go */
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

/** Why a node label should not be used any more; undefined where it may. */
export function deprecatedNodeLabelMessage(key: string): string | undefined {
  return DEPRECATED_NODE_LABELS.get(key)
}

/** Warnings about deprecated node labels in a label selector over nodes. */
export function warningsForNodeSelector(selector: LabelSelector | undefined, path: FieldPath): string[] {
  const warnings: string[] = []
  selector?.matchExpressions?.forEach(({ key }, i) => {
    const message = deprecatedNodeLabelMessage(key)
    if (message) warnings.push(`${path.child('matchExpressions').index(i).child('key')}: ${key} is ${message}`)
  })
  for (const label of Object.keys(selector?.matchLabels ?? {})) {
    const message = deprecatedNodeLabelMessage(label)
    if (message) warnings.push(`${path.child('matchLabels').child(label)}: ${message}`)
  }
  return warnings
}
