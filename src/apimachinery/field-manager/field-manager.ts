import { ApiError, badRequest } from '../api-error.ts'
import { type Clock, formatTime } from '../clock.ts'
import { parseApiVersion } from '../group-version.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../kube-object.ts'
import { checkDepth } from '../patch/json-depth.ts'
import type { SchemaNode } from '../schema/schema-node.ts'
import type { ManagedFieldsEntry } from '../types/meta-v1.ts'
import { applyConflictOf } from './apply-conflict.ts'
import { compareValues } from './compare.ts'
import { difference, EMPTY_SET, type FieldSet, isEmptySet, isSubset, setOf, union } from './field-set.ts'
import { lastAppliedOf, withLastApplied } from './last-applied.ts'
import {
  capUpdateManagers,
  decodeManagedFields,
  encodeManagedFields,
  isReset,
  ManagedFieldsError,
  type ManagerEntry,
  type Managers,
  managerId,
} from './managed-fields.ts'
import { excludeFields, type FieldFilter } from './reset-fields.ts'
import { toFieldSet } from './to-field-set.ts'
import { TypedValueError, withZeroValues } from './typed-value.ts'
import { ConflictsError, type TypedValue, Updater } from './updater.ts'
import { validateTyped } from './validate-typed.ts'

interface FieldManagerOptions {
  /** Schema of the version of the request; `DEDUCED_NODE` where there is none. */
  readonly node: SchemaNode
  /** Version of the request, as `apps/v1`. */
  readonly apiVersion: string
  readonly kind: string
  /** '' for the resource itself. */
  readonly subresource: string
  /**
   * Fields that the endpoint resets or ignores, which are never owned through it: names of fields (`status`,
   * `metadata.ownerReferences`), or filters by apiVersion.
   */
  readonly resetFields: readonly string[] | ReadonlyMap<string, FieldFilter>
  readonly clock: Clock
  /**
   * Converts an object by its apiVersion; must not write into it. Needed where objects are handed in in another version
   * than that of the request, or managers may have used other versions. Objects after an apply may hold zero values and
   * nulls.
   */
  readonly convert?: (object: KubeObject, apiVersion: string) => KubeObject
  /** Schemas of the other versions that `convert` knows; entries of versions without one are dropped. */
  readonly nodeOf?: (apiVersion: string) => SchemaNode | undefined
  /**
   * Makes an object of the kind of what an apply gave, in the version of the request: decodes it, sets its defaults,
   * brings it into the form in which objects are handed in. Undefined: it is returned as it is.
   */
  readonly complete?: (object: JsonObject) => KubeObject
}

/** Metadata that the server keeps, and so nobody owns. */
const UNOWNED: FieldSet = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
)

/** Who the fields are given to that were there before the first apply. */
const BEFORE_FIRST_APPLY = 'before-first-apply'

/**
 * Keeps `metadata.managedFields` of writes through one endpoint (a version of a resource, or a subresource of it), and
 * merges what is applied. Objects that are handed in must be in normal form (fields that JSON always carries filled in);
 * they are not written to; results share parts with them.
 *
 * @see KEP-555; apimachinery pkg/util/managedfields/internal/fieldmanager.go
 */
export class FieldManager {
  readonly #options: FieldManagerOptions
  readonly #updater: Updater
  /** What is left of a set that many new objects share. */
  readonly #owned = new WeakMap<FieldSet, FieldSet>()

  constructor(options: FieldManagerOptions) {
    this.#options = options
    this.#updater = new Updater({ convert: (value, version) => this.#convert(value, version) }, filtersOf(options))
  }

  /**
   * The new object of a create (`live` undefined, or without uid), update or patch, with managedFields that give
   * `manager` what it changed. Never fails: fields whose ownership cannot be told are owned by nobody.
   */
  update(live: KubeObject | undefined, next: KubeObject, manager: string): KubeObject {
    const managers = this.#managersOfUpdate(live, next)
    const isCreate = !live?.metadata.uid
    if (managers.size === 0 && !isCreate) return withManagedFields(next, undefined)
    try {
      const result = this.#updated(live, next, managers, manager)
      return withManagedFields(next, encodeManagedFields(result))
    } catch (error) {
      if (error instanceof TypedValueError) return withManagedFields(next, undefined)
      throw error
    }
  }

  /**
   * The live object (undefined: a new one) with what `manager` applies, in the form that `complete` gives it.
   *
   * @throws {ApiError} 409 for conflicts that are not forced, 400 for another kind of object, 500 for one that does not
   * fit the schema
   */
  apply(live: KubeObject | undefined, applied: JsonObject, manager: string, force: boolean): KubeObject {
    this.#checkApplied(applied)
    const managers = decodeLive(live)
    const before = live ?? this.#newObject()
    const owners = managers.size === 0 ? this.#ownersBeforeFirstApply(before) : managers
    const result = this.#applyAs(before, applied, owners, manager, force)
    const kubectl = manager === 'kubectl' && lastAppliedOf(result.object) !== undefined
    const object = kubectl ? withLastApplied(result.object, applied) : result.object
    return withManagedFields(object, encodeManagedFields(result.managers))
  }

  #managersOfUpdate(live: KubeObject | undefined, next: KubeObject): Managers {
    const ofLive = () => decodeOrNone(live?.metadata.managedFields)
    if (this.#options.subresource !== '') return ofLive()
    const given = next.metadata.managedFields
    if (isReset(given)) return new Map()
    // By far the most updates send back what they have read.
    if (given === undefined || given === live?.metadata.managedFields) return ofLive()
    const ofNext = decodeOrNone(given)
    return ofNext.size === 0 ? ofLive() : ofNext
  }

  #updated(live: KubeObject | undefined, next: KubeObject, managers: Managers, manager: string): Managers {
    if (!live && managers.size === 0) return this.#created(next, manager)
    const before = live ? this.#typed(live) : this.#nothing()
    const result = this.#updater.update(before, this.#typed(next), managers)
    const changed = difference(result.changed, UNOWNED)
    if (!isEmptySet(changed)) this.#give(result.managers, manager, changed, managers)
    capUpdateManagers(result.managers)
    return result.managers
  }

  #ownersBeforeFirstApply(live: KubeObject): Managers {
    try {
      return this.#updated(undefined, live, new Map(), BEFORE_FIRST_APPLY)
    } catch (error) {
      if (!(error instanceof TypedValueError)) throw error
      const problem = typedProblem(this.#typed(live)) ?? error.message
      const shown = printObject(live)
      throw plainError(
        `failed to create manager for existing fields: failed to convert new object (${shown}) to smd typed: ${problem}`,
      )
    }
  }

  /** The same where there was neither an object nor anybody who owned anything. */
  #created(next: KubeObject, manager: string): Managers {
    const managers: Managers = new Map()
    const set = this.#updater.create(this.#nothing(), this.#typed(next))
    let owned = this.#owned.get(set)
    if (!owned) {
      owned = difference(set, UNOWNED)
      this.#owned.set(set, owned)
    }
    if (!isEmptySet(owned)) this.#give(managers, manager, owned)
    return managers
  }

  /** The manager owns what it has changed besides what it owned; where that is what it owned before, the same set. */
  #give(managers: Managers, manager: string, changed: FieldSet, before?: Managers): void {
    const { apiVersion, subresource, clock } = this.#options
    const name = manager === '' ? 'unknown' : manager
    const id = managerId({ manager: name, operation: 'Update', apiVersion, subresource })
    const set = union(managers.get(id)?.set ?? EMPTY_SET, changed)
    const known = before?.get(id)?.set
    managers.set(id, {
      manager: name,
      operation: 'Update',
      apiVersion,
      subresource,
      time: formatTime(clock.now()),
      set: known && isSubset(known, set) && isSubset(set, known) ? known : set,
      encoded: undefined,
    })
  }

  #checkApplied(applied: JsonObject): void {
    checkDepth(applied)
    const { apiVersion, kind } = this.#options
    const givenVersion = textOf(applied['apiVersion'])
    const givenKind = textOf(applied['kind'])
    if (givenVersion !== apiVersion || givenKind !== kind) {
      throw badRequest(`invalid object type: ${printKind(givenVersion, givenKind)}`)
    }
    const metadata = applied['metadata']
    if (isJsonObject(metadata) && metadata['managedFields'] !== undefined && metadata['managedFields'] !== null) {
      throw badRequest('metadata.managedFields must be nil')
    }
  }

  #applyAs(live: KubeObject, applied: JsonObject, owners: Managers, manager: string, force: boolean): Applied {
    try {
      return this.#applied(live, applied, owners, manager, force)
    } catch (error) {
      if (!(error instanceof ConflictsError)) throw error
      const left = manager === 'kubectl' ? this.#withoutLastApplied(live, error) : error
      if (left) throw applyConflictOf(left)
      return this.#applied(live, applied, owners, manager, true)
    }
  }

  #applied(live: KubeObject, applied: JsonObject, owners: Managers, manager: string, force: boolean): Applied {
    const { node, apiVersion, subresource, clock, complete } = this.#options
    const config = { apiVersion, node, value: applied }
    checkTyped(config, applied)
    const name = manager === '' ? 'unknown' : manager
    const identity = { manager: name, operation: 'Apply', apiVersion, subresource } as const
    const applierId = managerId(identity)
    const applier: ManagerEntry = { ...identity, time: undefined, set: EMPTY_SET, encoded: undefined }
    const before = live.metadata.uid ? this.#typed(live) : this.#expanded(live)
    const result = applying(live, before, () =>
      this.#updater.apply({ live: before, config, managers: owners, applier, applierId, force }),
    )
    const own = result.managers.get(applierId)
    if (own) setOrDelete(result.managers, applierId, own, difference(own.set, UNOWNED))
    if (result.value === undefined) return { object: live, managers: result.managers }
    const changed = result.managers.get(applierId)
    if (changed) {
      result.managers.set(applierId, { ...changed, time: formatTime(clock.now()), encoded: undefined })
    }
    const object = result.value as KubeObject
    return { object: complete ? complete(object) : object, managers: result.managers }
  }

  /**
   * Conflicts of kubectl with what kubectl itself applied on the client side are none; undefined where none are left.
   *
   * @see apimachinery pkg/util/managedfields/internal/lastappliedmanager.go
   */
  #withoutLastApplied(live: KubeObject, error: ConflictsError): ConflictsError | undefined {
    const allowed = this.#lastAppliedSet(live)
    if (!allowed) return error
    const left = new Map<string, { owner: ManagerEntry; fields: FieldSet }>()
    for (const [id, { owner, fields }] of error.conflicts) {
      if (!isSubset(fields, allowed)) left.set(id, { owner, fields: difference(fields, allowed) })
    }
    return left.size > 0 ? new ConflictsError(left) : undefined
  }

  /** Fields of the last applied configuration that are still as they were applied. */
  #lastAppliedSet(live: KubeObject): FieldSet | undefined {
    const last = parseObject(lastAppliedOf(live))
    const { node, apiVersion } = this.#options
    if (last?.['apiVersion'] !== apiVersion) return undefined
    try {
      validateTyped(node, last, { allowDuplicates: false })
      const { value } = this.#typed(live)
      validateTyped(node, value, { allowDuplicates: false })
      const { removed, modified, added } = compareValues(node, last, value, { zeros: false })
      return difference(toFieldSet(node, last), union(union(modified, added), removed))
    } catch (error) {
      if (error instanceof TypedValueError) return undefined
      throw error
    }
  }

  #newObject(): KubeObject {
    const { apiVersion, kind } = this.#options
    return { apiVersion, kind, metadata: {} }
  }

  /** What an object is before it is there. */
  #nothing(): TypedValue {
    const { node, apiVersion, kind } = this.#options
    return { apiVersion, node, value: { apiVersion, kind } }
  }

  /** The object in the version of the request, without managedFields. */
  #typed(object: KubeObject): TypedValue {
    const { node, apiVersion, convert } = this.#options
    const versioned = convert && object.apiVersion !== apiVersion ? convert(object, apiVersion) : object
    if (versioned.metadata?.managedFields === undefined) return { apiVersion, node, value: versioned }
    const { managedFields: _, ...metadata } = versioned.metadata
    return { apiVersion, node, value: { ...versioned, metadata } }
  }

  #expanded(object: KubeObject): TypedValue {
    const typed = this.#typed(object)
    return { ...typed, value: withZeroValues(typed.node, typed.value) }
  }

  #convert(value: TypedValue, apiVersion: string): TypedValue | undefined {
    if (value.apiVersion === apiVersion) return value
    const { convert, nodeOf } = this.#options
    const node = apiVersion === this.#options.apiVersion ? this.#options.node : nodeOf?.(apiVersion)
    if (!node || !convert) return undefined
    const converted = convert(value.value as KubeObject, apiVersion)
    return { apiVersion, node, value: withZeroValues(node, converted) }
  }
}

interface Applied {
  readonly object: KubeObject
  readonly managers: Managers
}

function filtersOf({ apiVersion, resetFields }: FieldManagerOptions): ReadonlyMap<string, FieldFilter> {
  if (resetFields instanceof Map) return resetFields
  const names = resetFields as readonly string[]
  return names.length === 0 ? new Map() : new Map([[apiVersion, excludeFields(names)]])
}

function decodeOrNone(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  try {
    return decodeManagedFields(entries)
  } catch (error) {
    if (error instanceof ManagedFieldsError) return new Map()
    throw error
  }
}

function decodeLive(live: KubeObject | undefined): Managers {
  try {
    return decodeManagedFields(live?.metadata.managedFields)
  } catch (error) {
    if (error instanceof ManagedFieldsError) throw plainError(`failed to decode managed fields: ${error.message}`)
    throw error
  }
}

/** 500 without a reason: what upstream makes of an error that has no status of its own. */
function plainError(message: string): ApiError {
  return new ApiError({ code: 500, reason: '', message })
}

function checkTyped({ node }: TypedValue, applied: JsonObject): void {
  try {
    validateTyped(node, applied, { allowDuplicates: false })
  } catch (error) {
    if (!(error instanceof TypedValueError)) throw error
    throw plainError(`failed to create typed patch object (${printObject(applied)}): ${error.message}`)
  }
}

function applying<T>(live: KubeObject, typed: TypedValue, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof TypedValueError)) throw error
    const problem = typedProblem(typed)
    if (problem === undefined) throw plainError(`failed to merge config: ${error.message}`)
    throw plainError(`failed to create typed live object (${printObject(live)}): ${problem}`)
  }
}

/** Why a live object does not fit its schema; undefined where it does. Items may stand twice in its lists. */
function typedProblem({ node, value }: TypedValue): string | undefined {
  try {
    validateTyped(node, value, { allowDuplicates: true })
    return undefined
  } catch (error) {
    if (error instanceof TypedValueError) return error.message
    throw error
  }
}

function setOrDelete(managers: Managers, id: string, entry: ManagerEntry, set: FieldSet): void {
  if (isEmptySet(set)) managers.delete(id)
  else if (set !== entry.set) managers.set(id, { ...entry, set, encoded: undefined })
}

function printObject(object: JsonObject): string {
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {}
  const kind = printKind(textOf(object['apiVersion']), textOf(object['kind']))
  return `${textOf(metadata['namespace'])}/${textOf(metadata['name'])}; ${kind}`
}

/** A kind as Go prints it: `apps/v1, Kind=Deployment`. */
function printKind(apiVersion: string, kind: string): string {
  const { group, version } = parseApiVersion(apiVersion) ?? { group: '', version: '' }
  return `${group}/${version}, Kind=${kind}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parseObject(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function withManagedFields(object: KubeObject, managedFields: ManagedFieldsEntry[] | undefined): KubeObject {
  if (managedFields) return { ...object, metadata: { ...object.metadata, managedFields } }
  if (object.metadata.managedFields === undefined) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}
