import { badRequest, requestEntityTooLarge } from '../api-error.ts'
import { equalJson } from '../clone.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { MAX_VALUE_DEPTH } from '../schema/json-text.ts'
import { checkDepth } from './json-depth.ts'
import { memberOf, setMember } from './json-member.ts'
import { patchNotApplicable } from './patch-error.ts'

/** One step of a patch, members unchecked but for their types. */
export interface JsonPatchOperation {
  readonly op: string | undefined
  readonly path: string | undefined
  readonly from: string | undefined
  /** Undefined where the member is absent. */
  readonly value: unknown
}

export interface DecodedJsonPatch {
  readonly operations: readonly JsonPatchOperation[]
  /** Members that no operation has; upstream warns or refuses, by fieldValidation. */
  readonly strictErrors: readonly string[]
}

/** @see apiserver pkg/endpoints/handlers/patch.go maxJSONPatchOperations */
const MAX_OPERATIONS = 10_000
/** @see apiserver pkg/server/config.go JSONPatchMaxCopyBytes */
const MAX_COPY_BYTES = 3 * 1024 * 1024

const MEMBERS: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value'])

/**
 * Reads a JSON patch out of a parsed body. `strict`: fieldValidation is Strict or Warn, where upstream decodes into
 * another type and its messages name that one.
 *
 * @throws {ApiError} 400 where it is no list of operations, 413 where there are too many
 */
export function decodeJsonPatch(body: unknown, { strict }: { readonly strict: boolean }): DecodedJsonPatch {
  const list = body === null ? [] : body
  if (!Array.isArray(list)) throw wrongType(body, strict ? '[]handlers.jsonPatchOp' : 'jsonpatch.Patch', strict)
  const operations: JsonPatchOperation[] = []
  const strictErrors: string[] = []
  for (const [i, item] of list.entries()) {
    if (item !== null && !isJsonObject(item)) {
      throw wrongType(item, strict ? 'handlers.jsonPatchOp' : 'jsonpatch.Operation', strict)
    }
    const members: JsonObject = item ?? {}
    for (const key of strict ? Object.keys(members) : []) {
      if (!MEMBERS.has(key)) strictErrors.push(`json patch unknown field "[${i}].${key}"`)
    }
    operations.push({
      op: textMember(members, 'op', strict),
      path: textMember(members, 'path', strict),
      from: textMember(members, 'from', strict),
      value: memberOf(members, 'value'),
    })
  }
  if (operations.length > MAX_OPERATIONS) {
    throw requestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${operations.length}`,
    )
  }
  return { operations, strictErrors }
}

function wrongType(value: unknown, goType: string, strict: boolean) {
  const message = `json: cannot unmarshal ${jsonKind(value)} into Go value of type ${goType}`
  return badRequest(strict ? `error decoding patch: ${message}` : message)
}

function textMember(members: JsonObject, name: string, strict: boolean): string | undefined {
  const value = memberOf(members, name)
  if (typeof value === 'string') return value
  if (strict && value !== undefined && value !== null) {
    const field = `jsonPatchOp.${name}`
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${jsonKind(value)} into Go struct field ${field} of type string`,
    )
  }
  return undefined
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  return typeof value
}

/**
 * Applies a JSON patch (RFC 6902) as evanphx/json-patch v4 does: replacing an absent member sets it, testing for null
 * passes on an absent one, a negative index counts from the end, text before the first slash of a path is ignored. The
 * document is not written to; what the patch does not touch is shared with it.
 *
 * @throws {ApiError} 422 where an operation does not apply
 */
export function applyJsonPatch(document: JsonObject, operations: readonly JsonPatchOperation[]): Container {
  return new Patching(document).run(operations)
}

type Container = JsonObject | unknown[]

interface Place {
  readonly container: Container
  readonly key: string
}

class Patching {
  #root: Container
  /** Containers made by this run: the only ones that it may write to. */
  #own = new WeakSet<object>()
  #copiedBytes = 0

  constructor(document: JsonObject) {
    this.#root = { ...document }
    this.#own.add(this.#root)
  }

  run(operations: readonly JsonPatchOperation[]): Container {
    for (const operation of operations) this.#apply(operation)
    checkDepth(this.#root)
    return this.#root
  }

  #apply(operation: JsonPatchOperation): void {
    const value = operation.value === undefined ? null : operation.value
    switch (operation.op) {
      case 'add':
        add(this.#find(operation.path), value)
        break
      case 'remove':
        remove(this.#find(operation.path))
        break
      case 'replace':
        if (operation.path === '') this.#replaceRoot(value)
        else replace(this.#find(operation.path), value)
        break
      case 'test':
        this.#test(operation.path, value)
        break
      case 'move':
        this.#move(operation)
        break
      case 'copy':
        this.#copy(operation)
        break
      default:
        throw patchNotApplicable(`Unexpected kind: ${operation.op ?? 'unknown'}`)
    }
  }

  #replaceRoot(value: unknown): void {
    if (!Array.isArray(value) && !isJsonObject(value)) {
      throw patchNotApplicable('replace operation value must be object or array: %!w(<nil>)')
    }
    this.#root = Array.isArray(value) ? [...value] : { ...value }
    this.#own.add(this.#root)
  }

  #test(path: string | undefined, value: unknown): void {
    const actual = path === '' ? this.#root : get(this.#find(path))
    const matches = actual === undefined || actual === null ? value === null : equalJson(actual, value)
    if (!matches) throw patchNotApplicable(`testing value ${path} failed`)
  }

  #move({ from, path }: JsonPatchOperation): void {
    const source = this.#find(from)
    const value = get(source)
    remove(source)
    add(this.#find(path), value)
  }

  #copy({ from, path }: JsonPatchOperation): void {
    const value = get(this.#find(from)) ?? null
    // The value is shared, not copied, so that its size must be counted before it can multiply.
    this.#copiedBytes += jsonSize(value, MAX_COPY_BYTES - this.#copiedBytes)
    if (this.#copiedBytes > MAX_COPY_BYTES) {
      throw patchNotApplicable(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copiedBytes}, exceeding the limit ${MAX_COPY_BYTES}`,
      )
    }
    // What is inside the value has two parents from now on: nothing may be written in place any more.
    this.#own = new WeakSet<object>([this.#root])
    add(this.#find(path), value)
  }

  /** The container of a path's last part, writable. */
  #find(path: string | undefined): Place {
    if (path === undefined) throw patchNotApplicable('operation missing path field')
    const parts = path.split('/').slice(1).map(decodePart)
    if (parts.length === 0) throw patchNotApplicable(`doc is missing path: ${path}`)
    let container: Container = this.#root
    for (const part of parts.slice(0, -1)) {
      const next: unknown = get({ container, key: part })
      if (typeof next !== 'object' || next === null) throw patchNotApplicable(`doc is missing path: ${path}`)
      container = this.#writable(container, part, next as Container)
    }
    return { container, key: parts.at(-1)! }
  }

  #writable(parent: Container, key: string, child: Container): Container {
    if (this.#own.has(child)) return child
    const copy: Container = Array.isArray(child) ? [...child] : { ...child }
    this.#own.add(copy)
    if (Array.isArray(parent)) parent[indexIn(key, parent.length - 1)] = copy
    else setMember(parent, key, copy)
    return copy
  }
}

function decodePart(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** @throws {ApiError} unless `key` is an index no larger than `last`; negative ones count from the end. */
function indexIn(key: string, last: number): number {
  if (!/^[+-]?[0-9]{1,15}$/.test(key)) throw patchNotApplicable(`value was not a proper array index: '${key}'`)
  const index = Number(key)
  const size = last + 1
  if (index > last || index < -size) throw patchNotApplicable(`Unable to access invalid index: ${index}`)
  return index < 0 ? index + size : index
}

function get({ container, key }: Place): unknown {
  if (!Array.isArray(container)) return memberOf(container, key)
  return container[indexIn(key, container.length - 1)]
}

function add({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) setMember(container, key, value)
  else if (key === '-') container.push(value)
  else container.splice(indexIn(key, container.length), 0, value)
}

function replace({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) setMember(container, key, value)
  else container[indexIn(key, container.length - 1)] = value
}

function remove({ container, key }: Place): void {
  if (Array.isArray(container)) {
    container.splice(indexIn(key, container.length - 1), 1)
  } else {
    if (!Object.hasOwn(container, key)) throw patchNotApplicable(`Unable to remove nonexistent key: ${key}`)
    delete container[key]
  }
}

/** About the size of the value's JSON; stops counting once past `limit`. */
function jsonSize(value: unknown, limit: number, depth = 0): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 5
  if (depth > MAX_VALUE_DEPTH) throw patchNotApplicable('exceeded max depth')
  let size = 2
  for (const key of Object.keys(value)) {
    const member = (value as JsonObject)[key]
    size += jsonSize(member, limit - size, depth + 1) + (Array.isArray(value) ? 1 : key.length + 4)
    if (size > limit) break
  }
  return size
}
