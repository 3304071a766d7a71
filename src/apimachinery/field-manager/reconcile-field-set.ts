import type { SchemaNode } from '../schema/schema-node.ts'
import { EMPTY_SET, type FieldSet, isEmptySet } from './field-set.ts'
import { DEDUCED_NODE, isAtomicMap, isNamedField, itemNode, memberNode } from './typed-value.ts'

/** Sets that were found to agree with a schema, so that they are walked once. */
const reconciled = new WeakMap<FieldSet, SchemaNode>()

/**
 * Brings a set in line with a schema that has since become atomic somewhere: paths below an atomic map or list become
 * the path of that map or list. `set` itself where nothing has changed.
 *
 * @see structured-merge-diff typed/reconcile_schema.go
 */
export function reconcileFieldSet(set: FieldSet, node: SchemaNode): FieldSet {
  if (isEmptySet(set) || reconciled.get(set) === node) return set
  const result = reconcileTree(set, node)
  reconciled.set(result, node)
  return result
}

function reconcileTree(tree: FieldSet, node: SchemaNode): FieldSet {
  if (node.kind === 'scalar' || node === DEDUCED_NODE || isEmptySet(tree)) return tree
  if (node.kind === 'list' ? node.listType === 'atomic' : isAtomicMap(node)) return EMPTY_SET
  let result: Record<string, FieldSet> | undefined
  for (const element in tree) {
    if (element === '.') continue
    const child = nodeBelow(node, element)
    const subtree = child ? reconcileTree(tree[element]!, child) : tree[element]!
    if (subtree === tree[element]) continue
    result ??= { ...tree }
    result[element] = subtree
  }
  return result ?? tree
}

function nodeBelow(node: SchemaNode, element: string): SchemaNode | undefined {
  if (node.kind === 'list') return itemNode(node)
  return element.startsWith('f:') ? memberNode(node, element.slice(2)) : undefined
}

/**
 * The set with every struct field that something is owned below as a member: fields of a struct are not owned
 * themselves, but count as owned where values are taken away.
 *
 * @see structured-merge-diff fieldpath/set.go EnsureNamedFieldsAreMembers
 */
export function withNamedFields(set: FieldSet, node: SchemaNode | undefined): FieldSet {
  let result: Record<string, FieldSet> | undefined
  for (const element in set) {
    if (element === '.') continue
    const tree = set[element]!
    if (isEmptySet(tree)) continue
    let next = withNamedFields(tree, node && nodeInSet(node, element))
    if (node && element.startsWith('f:') && isNamedField(node, element.slice(2)) && next['.'] === undefined) {
      next = { '.': EMPTY_SET, ...next }
    }
    if (next === tree) continue
    result ??= { ...set }
    result[element] = next
  }
  return result ?? set
}

function nodeInSet(node: SchemaNode, element: string): SchemaNode | undefined {
  if (element.startsWith('f:'))
    return node.kind === 'list' || node.kind === 'scalar' ? undefined : memberNode(node, element.slice(2))
  return element.startsWith('k:') && node.kind === 'list' ? node.item : undefined
}
