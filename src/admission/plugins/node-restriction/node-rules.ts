import { goQuote } from '../../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { Node } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import { refused } from '../../refusal.ts'
import { forbiddenLabelChanges } from './node-labels.ts'

/** A node writes its own Node object only, and nothing that would draw workloads to it. */
export function checkNodeRequest(attributes: AdmissionAttributes, nodeName: string): void {
  const { name, operation } = attributes
  const node = goQuote(nodeName)
  if (name !== nodeName) throw refused(attributes, `node ${node} is not allowed to modify node ${goQuote(name)}`)
  if (operation === 'CREATE') checkCreate(attributes, node)
  if (operation === 'UPDATE') checkUpdate(attributes, node)
}

function checkCreate(attributes: AdmissionAttributes, node: string): void {
  const { metadata, spec } = attributes.object as unknown as Node
  if (spec?.configSource) {
    throw refused(attributes, `node ${node} is not allowed to create pods with a non-nil configSource`)
  }
  const labels = forbiddenLabelChanges(metadata.labels, undefined)
  if (labels.length === 0) return
  throw refused(attributes, `node ${node} is not allowed to set the following labels: ${labels.join(', ')}`)
}

function checkUpdate(attributes: AdmissionAttributes, node: string): void {
  const { metadata, spec } = attributes.object as unknown as Node
  const old = attributes.oldObject as unknown as Node
  if (spec?.configSource && !semanticEqual(spec.configSource, old.spec?.configSource)) {
    throw refused(attributes, `node ${node} is not allowed to update configSource to a new non-nil configSource`)
  }
  if (!semanticEqual(spec?.taints, old.spec?.taints)) {
    throw refused(attributes, `node ${node} is not allowed to modify taints`)
  }
  if (!semanticEqual(metadata.ownerReferences, old.metadata.ownerReferences)) {
    throw refused(attributes, `node ${node} is not allowed to modify ownerReferences`)
  }
  const labels = forbiddenLabelChanges(metadata.labels, old.metadata.labels)
  if (labels.length > 0) throw refused(attributes, `is not allowed to modify labels: ${labels.join(', ')}`)
}
