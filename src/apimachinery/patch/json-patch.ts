import { type ApiError, asApiError, badRequest, requestEntityTooLarge } from '../api-error.ts'
import { equalJson } from '../clone.ts'
import { goQuote } from '../go-quote.ts'
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

const MISSING = 'missing value'
const BAD_INDEX = 'invalid index referenced'
const NO_PATH = `operation missing path field: ${MISSING}`
const NO_FROM = `operation, missing from field: ${MISSING}`

/** Says what was being done when `step` failed. */
function within<T>(doing: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    const cause = asApiError(error)?.cause
    throw cause instanceof Error ? patchNotApplicable(`${doing}: ${cause.message}`) : error
  }
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
    switch (operation.op) {
      case 'add':
        this.#add(operation)
        break
      case 'remove':
        this.#remove(operation)
        break
      case 'replace':
        this.#replace(operation)
        break
      case 'test':
        this.#test(operation)
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

  #add({ path, value }: JsonPatchOperation): void {
    if (path === undefined) throw patchNotApplicable(`add operation failed to decode path: ${MISSING}`)
    const place = this.#find(path, `add operation does not apply: doc is missing path: "${path}"`)
    within(`error in add for path: '${path}'`, () => add(place, value ?? null))
  }

  #remove({ path }: JsonPatchOperation): void {
    if (path === undefined) throw patchNotApplicable(`remove operation failed to decode path: ${MISSING}`)
    const place = this.#find(path, `remove operation does not apply: doc is missing path: "${path}"`)
    within(`error in remove for path: '${path}'`, () => remove(place))
  }

  #replace({ path, value = null }: JsonPatchOperation): void {
    if (path === undefined) throw patchNotApplicable(`replace operation failed to decode path: ${NO_PATH}`)
    if (path === '') {
      this.#replaceRoot(value)
      return
    }
    const place = this.#find(path, `replace operation does not apply: doc is missing path: ${path}`)
    const { container, key } = place
    if (Array.isArray(container) && !isIndexIn(key, container.length - 1)) {
      throw patchNotApplicable(`replace operation does not apply: doc is missing key: ${path}: ${MISSING}`)
    }
    replace(place, value)
  }

  #replaceRoot(value: unknown): void {
    if (!Array.isArray(value) && !isJsonObject(value)) {
      throw patchNotApplicable('replace operation value must be object or array: %!w(<nil>)')
    }
    this.#root = Array.isArray(value) ? [...value] : { ...value }
    this.#own.add(this.#root)
  }

  #test({ path, value = null }: JsonPatchOperation): void {
    if (path === undefined) throw patchNotApplicable(`test operation failed to decode path: ${NO_PATH}`)
    const actual = path === '' ? this.#root : this.#tested(path)
    const matches = actual === undefined || actual === null ? value === null : equalJson(actual, value)
    if (!matches) throw patchNotApplicable(`testing value ${path} failed: test failed`)
  }

  #tested(path: string): unknown {
    const place = this.#find(path, `test operation does not apply: is missing path: ${path}`)
    return within(`error in test for path: '${path}'`, () => get(place))
  }

  #move({ from, path }: JsonPatchOperation): void {
    if (from === undefined) throw patchNotApplicable(`move operation failed to decode from: ${NO_FROM}`)
    const source = this.#find(from, `move operation does not apply: doc is missing from path: ${from}`)
    const value = within(`error in move for path: '${source.key}'`, () => {
      const moved = get(source)
      remove(source)
      return moved
    })
    if (path === undefined) throw patchNotApplicable(`move operation failed to decode path: ${NO_PATH}`)
    const target = this.#find(path, `move operation does not apply: doc is missing destination path: ${path}`)
    within(`error in move for path: '${path}'`, () => add(target, value))
  }

  #copy({ from, path }: JsonPatchOperation): void {
    if (from === undefined) throw patchNotApplicable(`copy operation failed to decode from: ${NO_FROM}`)
    const source = this.#find(from, `copy operation does not apply: doc is missing from path: ${from}`)
    const value = within(`error in copy for from: '${from}'`, () => get(source)) ?? null
    if (path === undefined) throw patchNotApplicable(`copy operation failed to decode path: ${MISSING}`)
    const missing = `copy operation does not apply: doc is missing destination path: ${path}`
    this.#find(path, missing)
    // The value is shared, not copied, so that its size must be counted before it can multiply.
    this.#copiedBytes += jsonSize(value, MAX_COPY_BYTES - this.#copiedBytes)
    if (this.#copiedBytes > MAX_COPY_BYTES) {
      throw patchNotApplicable(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copiedBytes}, exceeding the limit ${MAX_COPY_BYTES}`,
      )
    }
    // What is inside the value has two parents from now on: nothing may be written in place any more.
    this.#own = new WeakSet<object>([this.#root])
    const target = this.#find(path, missing)
    within('error while adding value during copy', () => add(target, value))
  }

  /** The container of a path's last part, writable. `missing`: what is wrong where there is none. */
  #find(path: string, missing: string): Place {
    const parts = path.split('/').slice(1).map(decodePart)
    if (parts.length === 0) throw patchNotApplicable(`${missing}: ${MISSING}`)
    let container: Container = this.#root
    for (const part of parts.slice(0, -1)) {
      const isThere = !Array.isArray(container) || isIndexIn(part, container.length - 1)
      const next: unknown = isThere ? get({ container, key: part }) : undefined
      if (typeof next !== 'object' || next === null) throw patchNotApplicable(`${missing}: ${MISSING}`)
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

const INDEX = /^[+-]?[0-9]{1,15}$/

function isIndexIn(key: string, last: number): boolean {
  const index = INDEX.test(key) ? Number(key) : Number.NaN
  return index <= last && index >= -(last + 1)
}

/** @throws {ApiError} unless `key` is an index no larger than `last`; negative ones count from the end. */
function indexIn(key: string, last: number): number {
  if (!INDEX.test(key)) throw patchNotApplicable(`strconv.Atoi: parsing ${goQuote(key)}: invalid syntax`)
  const index = Number(key)
  if (!isIndexIn(key, last)) throw patchNotApplicable(`Unable to access invalid index: ${index}: ${BAD_INDEX}`)
  return index < 0 ? index + last + 1 : index
}

function insertionIndex(key: string, last: number): number {
  if (INDEX.test(key)) return indexIn(key, last)
  return within(`value was not a proper array index: '${key}'`, () => indexIn(key, last))
}

function get({ container, key }: Place): unknown {
  if (!Array.isArray(container)) return memberOf(container, key)
  return container[indexIn(key, container.length - 1)]
}

function add({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) setMember(container, key, value)
  else if (key === '-') container.push(value)
  else container.splice(insertionIndex(key, container.length), 0, value)
}

function replace({ container, key }: Place, value: unknown): void {
  if (!Array.isArray(container)) setMember(container, key, value)
  else container[indexIn(key, container.length - 1)] = value
}

const noSuchKey = (key: string): ApiError => patchNotApplicable(`Unable to remove nonexistent key: ${key}: ${MISSING}`)

function remove({ container, key }: Place): void {
  if (Array.isArray(container)) {
    container.splice(indexIn(key, container.length - 1), 1)
  } else {
    if (!Object.hasOwn(container, key)) throw noSuchKey(key)
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
