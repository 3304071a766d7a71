import { type ApiError, badRequest } from '../api-error.ts'
import { goQuote } from '../go-quote.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import type { SchemaNode, StructNode } from '../schema/schema-node.ts'
import { goFormat, goTypeName } from './go-format.ts'
import { checkDepth } from './json-depth.ts'
import { memberOf, setMember } from './json-member.ts'
import { orderMerged } from './list-order.ts'
import { patchFailed, patchNotApplicable } from './patch-error.ts'

const DIRECTIVE = '$patch'
const RETAIN_KEYS = '$retainKeys'
const DELETE_FROM_PRIMITIVE_LIST = '$deleteFromPrimitiveList'
const SET_ELEMENT_ORDER = '$setElementOrder'

const badPrimitiveList = (): ApiError => badRequest('invalid patch format of primitive list')
const badRetainKeys = (): ApiError => badRequest('invalid patch format of retainKeys')
const badElementOrder = (): ApiError => badRequest('invalid patch format of setElementOrder list')

const noMergeKey = (item: JsonObject, mergeKey: string): ApiError =>
  patchFailed(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`)

const badType = (expected: 'map[string]interface {}' | '[]interface {}', actual: unknown): ApiError =>
  patchFailed(`expected a ${expected}, but received a ${goTypeName(actual)}`)

/**
 * Applies a strategic merge patch to an object of the type that `node` describes. Neither is written to; what the patch
 * does not touch is shared with the original.
 *
 * @throws {ApiError} as upstream: 400 and 422 for a malformed patch, 500 for one that does not fit the type
 * @see apimachinery pkg/util/strategicpatch/patch.go
 */
export function applyStrategicMergePatch(original: JsonObject, patch: JsonObject, node: StructNode): JsonObject {
  checkDepth(patch)
  return mergeMap(original, patch, node)
}

interface FieldMeta {
  readonly node: SchemaNode
  /** Strategy besides retainKeys, '' for none. */
  readonly strategy: string
  readonly mergeKey: string
}

function lookUp(node: SchemaNode, key: string): FieldMeta {
  if (node.kind === 'any') {
    throw patchFailed(`unable to find api field in struct RawExtension for the json field ${goQuote(key)}`)
  }
  if (node.kind !== 'struct') {
    throw patchFailed(`merging an object in json but data type is not struct, instead is: ${goKindOf(node)}`)
  }
  const field = node.fields.get(key) ?? caseInsensitiveField(node, key)
  if (!field) {
    throw patchFailed(`unable to find api field in struct ${node.goName} for the json field ${goQuote(key)}`)
  }
  const strategy = field.patchStrategy.find((s) => s !== 'retainKeys') ?? ''
  return { node: field.node, strategy, mergeKey: field.patchMergeKey ?? '' }
}

function caseInsensitiveField(node: StructNode, key: string) {
  const lower = key.toLowerCase()
  for (const [name, field] of node.fields) if (name.toLowerCase() === lower) return field
  return undefined
}

function lookUpList(node: SchemaNode, key: string): FieldMeta {
  const meta = lookUp(node, key)
  if (meta.node.kind !== 'list') throw patchFailed('expected slice or array type, but got: struct')
  if (meta.node.item.kind === 'list') throw patchFailed('unexpected slice of slice')
  return { ...meta, node: meta.node.item }
}

function mergeMap(original: JsonObject, patch: JsonObject, node: SchemaNode): JsonObject {
  if (Object.hasOwn(patch, DIRECTIVE)) return applyMapDirective(patch)
  const result = { ...original }
  applyRetainKeys(result, patch)
  const done = mergeOrderedLists(result, patch, node)
  for (const key of Object.keys(patch)) {
    if (key === RETAIN_KEYS || done.has(key)) continue
    if (key.startsWith(DELETE_FROM_PRIMITIVE_LIST)) mergeDeletionList(result, key, patch[key], node)
    else mergeMember(result, key, patch[key], node)
  }
  return result
}

function applyMapDirective(patch: JsonObject): JsonObject {
  const directive = patch[DIRECTIVE]
  if (directive === 'delete') return {}
  if (directive === 'replace') {
    const { [DIRECTIVE]: _, ...rest } = patch
    return rest
  }
  throw patchFailed(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(patch)}`)
}

function mergeMember(result: JsonObject, key: string, value: unknown, node: SchemaNode): void {
  if (value === null) {
    delete result[key]
    return
  }
  const current = memberOf(result, key)
  if (isJsonObject(current) && isJsonObject(value)) {
    const meta = lookUp(node, key)
    setMember(result, key, meta.strategy === 'replace' ? value : mergeMap(current, value, meta.node))
  } else if (Array.isArray(current) && Array.isArray(value)) {
    const meta = lookUpList(node, key)
    setMember(result, key, meta.strategy === 'merge' ? mergeList(current, value, meta) : value)
  } else {
    takeNew(result, key, value)
  }
}

/** A value that the original does not have, or has in another type. */
function takeNew(result: JsonObject, key: string, value: unknown): void {
  const kept = withoutDirectives(value)
  if (kept === undefined) delete result[key]
  else setMember(result, key, kept)
}

/** The value without null members and without directives; undefined where it is itself a directive. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined)
  if (!isJsonObject(value)) return value
  if (Object.hasOwn(value, DIRECTIVE)) return undefined
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    const member = value[key] === null ? undefined : withoutDirectives(value[key])
    if (member !== undefined) setMember(result, key, member)
  }
  return result
}

function applyRetainKeys(result: JsonObject, patch: JsonObject): void {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return
  const list = patch[RETAIN_KEYS]
  if (!Array.isArray(list)) throw badRetainKeys()
  const retained = new Set<unknown>(list)
  for (const key of Object.keys(patch)) {
    const directive =
      key === RETAIN_KEYS || key.startsWith(DELETE_FROM_PRIMITIVE_LIST) || key.startsWith(SET_ELEMENT_ORDER)
    if (!directive && patch[key] !== null && !retained.has(key)) throw badRetainKeys()
  }
  for (const key of Object.keys(result)) if (!retained.has(key)) delete result[key]
}

/** The field that `$directive/field` is about. */
function fieldOfDirective(key: string, directive: string, malformed: () => ApiError): string {
  if (!key.startsWith(`${directive}/`)) throw malformed()
  return key.slice(directive.length + 1)
}

function mergeDeletionList(result: JsonObject, key: string, value: unknown, node: SchemaNode): void {
  const field = fieldOfDirective(key, DELETE_FROM_PRIMITIVE_LIST, badPrimitiveList)
  if (value === null) {
    delete result[field]
    return
  }
  const current = memberOf(result, field)
  if (!Array.isArray(value)) {
    // Upstream looks at the types alone: a map of the patch would meet a map of the object.
    if (isJsonObject(value) && isJsonObject(current)) mergeMember(result, field, value, node)
    return
  }
  if (!Array.isArray(current)) return
  const { mergeKey, node: itemNode, strategy } = lookUpList(node, field)
  if (current.length === 0 && value.length === 0) return
  if (elementKind(current, value) === 'map') {
    setMember(result, field, mergeList(current, value, { mergeKey, node: itemNode, strategy }))
    return
  }
  const deleted = new Set<unknown>(value)
  setMember(
    result,
    field,
    current.filter((item) => !deleted.has(item)),
  )
}

/** Merges each list that has a `$setElementOrder`, in that order; answers the patch's keys that are done with. */
function mergeOrderedLists(result: JsonObject, patch: JsonObject, node: SchemaNode): ReadonlySet<string> {
  const done = new Set<string>()
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(SET_ELEMENT_ORDER)) continue
    done.add(key)
    const order = patch[key]
    if (!Array.isArray(order)) throw badType('[]interface {}', order)
    const field = fieldOfDirective(key, SET_ELEMENT_ORDER, badElementOrder)
    const current = listMember(result, field)
    const changed = listMember(patch, field)
    const meta = lookUpList(node, field)
    checkOrder(changed ?? [], order, meta.mergeKey)
    if (!current && !changed) continue
    const merged = mergedList(current, changed, meta)
    const kind = elementKind(current ?? [], changed ?? [])
    setMember(result, field, orderMerged(merged, order, current ?? [], itemKey(kind, meta.mergeKey)))
    done.add(field)
  }
  return done
}

function listMember(object: JsonObject, key: string): readonly unknown[] | undefined {
  if (!Object.hasOwn(object, key)) return undefined
  const value = object[key]
  if (!Array.isArray(value)) throw badType('[]interface {}', value)
  return value
}

function mergedList(
  current: readonly unknown[] | undefined,
  changed: readonly unknown[] | undefined,
  meta: FieldMeta,
): readonly unknown[] {
  if (!changed) return current ?? []
  if (!current) return withoutDirectives(changed) as unknown[]
  return meta.strategy === 'merge' ? mergeList(current, changed, meta) : changed
}

/** The patch's items must stand in the order list, in its order. */
function checkOrder(items: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (items.length === 0 || order.length === 0) return
  const kept = mergeKey === '' ? items : items.filter((item) => !isDeletion(item))
  let at = 0
  let inOrder = 0
  while (at < kept.length && inOrder < order.length) {
    const item = kept[at]
    if (isJsonObject(item) && Object.hasOwn(item, DIRECTIVE)) {
      at++
      continue
    }
    if (sameKey(item, order[inOrder], mergeKey)) at++
    inOrder++
  }
  if (at < kept.length && inOrder >= order.length) {
    throw patchFailed(
      `The order in patch list:\n${goFormat(items)}\n doesn't match ${SET_ELEMENT_ORDER} list:\n${goFormat(order)}\n`,
    )
  }
}

function isDeletion(item: unknown): boolean {
  if (!isJsonObject(item)) throw badType('map[string]interface {}', item)
  return memberOf(item, DIRECTIVE) === 'delete'
}

function sameKey(left: unknown, right: unknown, mergeKey: string): boolean {
  if (mergeKey === '') return left === right
  return mergeValueOf(left, mergeKey) === mergeValueOf(right, mergeKey)
}

function mergeValueOf(item: unknown, mergeKey: string): unknown {
  if (!isJsonObject(item)) throw badType('map[string]interface {}', item)
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey)
  return item[mergeKey]
}

function itemKey(kind: string, mergeKey: string): (item: unknown) => unknown {
  return kind === 'map' ? (item) => mergeValueOf(item, mergeKey) : (item) => item
}

/** Type that all elements of both lists share. @throws {ApiError} where they differ, or are lists */
function elementKind(a: readonly unknown[], b: readonly unknown[]): string {
  let first: string | undefined
  for (const list of [a, b]) {
    for (const item of list) {
      const kind = Array.isArray(item) ? 'slice' : isJsonObject(item) ? 'map' : goTypeName(item)
      first ??= kind
      if (kind === 'slice') throw patchNotApplicable('lists of lists are not supported')
      if (kind !== first) throw patchFailed(`list element types are not identical: ${goFormat([a, b])}`)
    }
  }
  if (first === undefined) throw patchFailed('no elements in any of the given slices')
  return first
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], meta: FieldMeta): readonly unknown[] {
  if (original.length === 0 && patch.length === 0) return original
  const kind = elementKind(original, patch)
  if (kind !== 'map') return orderMerged([...new Set([...original, ...patch])], patch, original, itemKey(kind, ''))
  const { mergeKey, node } = meta
  if (mergeKey === '') throw patchFailed(`cannot merge lists without merge key for ${goKindOf(node)}`)
  const { kept, changes } = applyItemDirectives(original as JsonObject[], patch as JsonObject[], mergeKey)
  const merged = mergeItems(kept, changes, mergeKey, node)
  return orderMerged(merged, changes, kept, itemKey(kind, mergeKey))
}

/** Kind of the Go type behind a schema. */
function goKindOf(node: SchemaNode): string {
  if (node.kind === 'map') return 'map'
  if (node.kind === 'list') return 'slice'
  return node.kind === 'scalar' ? 'string' : 'struct'
}

interface ItemChanges {
  /** What is left of the original list. */
  readonly kept: readonly JsonObject[]
  /** The patch's items that are no directives. */
  readonly changes: readonly JsonObject[]
}

function applyItemDirectives(
  original: readonly JsonObject[],
  patch: readonly JsonObject[],
  mergeKey: string,
): ItemChanges {
  const changes: JsonObject[] = []
  const deleted = new Set<unknown>()
  let replace = false
  for (const item of patch) {
    if (!Object.hasOwn(item, DIRECTIVE)) {
      changes.push(item)
      continue
    }
    const directive = item[DIRECTIVE]
    if (directive === 'delete') deleted.add(mergeValueOf(item, mergeKey))
    else if (directive === 'replace') replace = true
    else if (directive === 'merge') throw patchFailed('merging lists cannot yet be specified in the patch')
    else throw patchFailed(`unknown patch type: ${goFormat(directive)} in map: ${goFormat(item)}`)
  }
  if (replace) return { kept: changes, changes: [] }
  const kept =
    deleted.size === 0
      ? original
      : original.filter((item) => !Object.hasOwn(item, mergeKey) || !deleted.has(item[mergeKey]))
  return { kept, changes }
}

function mergeItems(
  kept: readonly JsonObject[],
  changes: readonly JsonObject[],
  mergeKey: string,
  node: SchemaNode,
): JsonObject[] {
  const merged = [...kept]
  const positions = new Map<unknown, number>()
  for (const [i, item] of kept.entries()) {
    const value = memberOf(item, mergeKey)
    if (value !== undefined && !positions.has(value)) positions.set(value, i)
  }
  for (const change of changes) {
    const value = mergeValueOf(change, mergeKey)
    const at = positions.get(value)
    if (at === undefined) {
      positions.set(value, merged.length)
      merged.push(change)
    } else {
      merged[at] = mergeMap(merged[at]!, change, node)
    }
  }
  return merged
}
