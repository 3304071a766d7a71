import {
  type ApiError,
  ApiError as ApiErrorClass,
  alreadyExists,
  conflict,
  generateNameConflict,
  invalid as invalidObject,
  isAlreadyExists,
  notFound,
  requestEntityTooLarge,
  type Status,
  serverTimeout,
  unknownError,
} from '../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import { cloneJson, equalJson } from '../../apimachinery/clone.ts'
import { invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { generateName } from '../../apimachinery/generate-name.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { andThen, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import { isStorageError } from '../../storage/storage-error.ts'
import type { KeyValue, Store, WriteOptions } from '../../storage/store.ts'
import type { AnyResourceEntry, Finish, RegistryConfig, StrategyContext, UpdateStrategy } from '../resource.ts'
import { beforeCreate, beforeUpdate, revertTimestampOnlyChange } from './before-write.ts'
import { type DeleteOptions, deletionFinalizers, gracefulDeletion, markAsDeleting, sameFinalizers } from './deletion.ts'
import type { ObjectCodec } from './object-codec.ts'
import { checkPreconditions, fillSystemFields, type Preconditions, wipeSystemFields } from './object-metadata.ts'
import type { RequestContext } from './request-context.ts'
import { objectKey, type ResourceIdentity } from './resource-identity.ts'
import { LooseObject, type StoredObject } from './stored-object.ts'

/** Looks at an object on its way to the store and throws where it may not go there (validating admission). */
export type ValidateCreate = (object: KubeObject) => void | Promise<void>
export type ValidateUpdate = (object: KubeObject, old: KubeObject) => void | Promise<void>

/** One object as a reader has it. */
export interface CurrentObject extends StoredObject {
  readonly revision: number
}

/** Reads single objects: from the watch cache where that is known to be good enough, else from the store. */
export interface CurrentReader {
  /** What the cache has: never older than the writes made through this process. */
  cached(key: string): CurrentObject | undefined
  /** The latest state there is, also on a store that others write to. */
  latest(key: string): MaybePromise<CurrentObject | undefined>
  /** Resolves once a write that is still in flight at this revision can be read, or has failed. */
  settled(revision: number): Promise<void>
}

export interface ResourceStoreOptions {
  readonly entry: AnyResourceEntry
  readonly identity: ResourceIdentity
  readonly codec: ObjectCodec
  /** Brings an object back into normal form after strategies and admission changed it. */
  readonly normalize: (object: KubeObject) => void
  readonly store: Store
  readonly reader: CurrentReader
  readonly clock: Clock
  readonly config: RegistryConfig
  readonly newUid: () => string
}

/** How an update makes the new object of the stored one. */
export interface UpdateRequest {
  readonly preconditions?: Preconditions
  /**
   * Called for each attempt, with undefined where there is no object. The result belongs to the store, which changes
   * it; nothing of `existing` may be written to.
   */
  updatedObject(existing: KubeObject | undefined): KubeObject | Promise<KubeObject>
  /** Strategy of a subresource; the resource's own when unset. */
  readonly strategy?: UpdateStrategy<KubeObject>
  readonly validateCreate?: ValidateCreate
  readonly validateUpdate?: ValidateUpdate
  /** Server-side apply creates what is missing, whatever the resource allows to PUT. */
  readonly forceAllowCreate?: boolean
}

export interface UpdateOutcome {
  readonly stored: StoredObject
  readonly created: boolean
}

export interface DeleteOutcome {
  /** The object (deleted, or as it waits to be), or the Status that stands for it. */
  readonly result: StoredObject | Status
  readonly deleted: boolean
}

/** Attempts at a free generated name: 8 keep the chance to fail below 0.1 % for a million names of one prefix. */
const MAX_GENERATE_NAME_ATTEMPTS = 8

/** Attempts at an update that others keep overtaking, before the client is told to try again. */
const MAX_UPDATE_ATTEMPTS = 100

/** Largest stored object, as etcd's default request limit. */
const MAX_STORED_BYTES = 1_572_864

const OPTIMISTIC_LOCK_MESSAGE =
  'the object has been modified; please apply your changes to the latest version and try again'

/** Thrown inside an update when its result has no finalizers left and the object is to go. */
class EmptiedFinalizers extends Error {
  readonly object: KubeObject
  constructor(object: KubeObject) {
    super('emptied finalizers')
    this.object = object
  }
}

/**
 * Writes of one resource: names, metadata, strategies, optimistic concurrency, graceful deletion and finalizers, the
 * same for every kind.
 *
 * @see apiserver pkg/registry/generic/registry/store.go
 */
export class ResourceStore {
  readonly entry: AnyResourceEntry
  readonly identity: ResourceIdentity
  readonly codec: ObjectCodec
  readonly #normalize: (object: KubeObject) => void
  readonly #store: Store
  readonly #reader: CurrentReader
  readonly #clock: Clock
  readonly #config: RegistryConfig
  readonly #newUid: () => string
  /** By the groups of views that are others than the resource's own. */
  readonly #byGroup: ReadonlyMap<string, ResourceIdentity>

  constructor(options: ResourceStoreOptions) {
    this.entry = options.entry
    this.identity = options.identity
    this.codec = options.codec
    this.#normalize = options.normalize
    this.#store = options.store
    this.#reader = options.reader
    this.#clock = options.clock
    this.#config = options.config
    this.#newUid = options.newUid
    const groups = (options.entry.views ?? []).flatMap((v) => v.group ?? [])
    this.#byGroup = new Map(groups.map((group) => [group, { ...options.identity, group }]))
  }

  strategyContext(context: RequestContext): StrategyContext {
    return {
      clock: this.#clock,
      config: this.#config,
      namespace: this.#expectedNamespace(context),
      user: context.user,
      apiGroup: context.apiGroup,
      newUid: this.#newUid,
      warn: context.warn,
    }
  }

  /** The resource as the client names it. */
  #asked({ apiGroup }: RequestContext): ResourceIdentity {
    return (this.#byGroup.size > 0 && apiGroup !== undefined && this.#byGroup.get(apiGroup)) || this.identity
  }

  /** The latest state of an object; undefined where there is none. */
  find(context: RequestContext, name: string): MaybePromise<StoredObject | undefined> {
    return this.#reader.latest(this.#key(context, name))
  }

  /** The latest state of an object. Errors: 404. */
  get(context: RequestContext, name: string): MaybePromise<StoredObject> {
    return andThen(this.find(context, name), (current) => {
      if (!current) throw notFound(this.#asked(context), name)
      return current
    })
  }

  /** What the cache has of an object (`resourceVersion=0`). Errors: 404. */
  getCached(context: RequestContext, name: string): StoredObject {
    const current = this.#reader.cached(this.#key(context, name))
    if (!current) throw notFound(this.#asked(context), name)
    return current
  }

  /** Creates `object`, which belongs to the store from here on. Errors: 409, 422 and those of `validate`. */
  async create(context: RequestContext, object: KubeObject, validate?: ValidateCreate): Promise<StoredObject> {
    await this.entry.hooks?.authorize?.({ object, old: undefined, name: '' }, this.strategyContext(context))
    const metadata = object.metadata
    const validateNew: ValidateCreate = async (final) => {
      await validate?.(final)
      if (!context.dryRun) refuseResourceVersion(final)
    }
    if (!metadata.generateName || metadata.name) return await this.#createOnce(context, object, validateNew)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#createOnce(context, cloneJson(object), validateNew)
      } catch (error) {
        if (attempt === MAX_GENERATE_NAME_ATTEMPTS || !isAlreadyExists(error)) throw error
      }
    }
  }

  /**
   * Creates an object of the bytes that are to be stored, which nobody looks at any more; false where `encoded` has none.
   * Errors: those of the store.
   */
  async createEncoded(
    context: RequestContext,
    name: string,
    encoded: (birth: { readonly uid: string; readonly time: string }) => Buffer | undefined,
  ): Promise<boolean> {
    const bytes = encoded({ uid: this.#newUid(), time: formatTime(this.#clock.now()) })
    if (!bytes) return false
    try {
      await this.#store.create(this.#key(context, name), bytes)
      return true
    } catch (error) {
      throw this.#storageFailure(error, 'create')
    }
  }

  async #createOnce(
    context: RequestContext,
    object: KubeObject,
    validate: ValidateCreate | undefined,
  ): Promise<StoredObject> {
    const strategyContext = this.strategyContext(context)
    fillSystemFields(object, strategyContext)
    const metadata = object.metadata
    if (metadata.generateName && !metadata.name) {
      const isOwnName = this.entry.generatesNames === false
      metadata.name = isOwnName ? metadata.generateName : generateName(metadata.generateName)
    }
    const finish = await this.entry.hooks?.beginCreate?.(object, strategyContext, context.dryRun)
    return await finishing(finish, async () => {
      beforeCreate(this.entry, this.identity, object, strategyContext, context)
      if (validate) await validate(object)
      return await this.#persistNew(context, object)
    })
  }

  async #persistNew(context: RequestContext, object: KubeObject): Promise<StoredObject> {
    // Upstream's storage, which a dry run does not reach, is what takes it off.
    if (!context.dryRun) delete object.metadata.resourceVersion
    this.#normalize(object)
    const bytes = this.#encode(object)
    const name = object.metadata.name!
    const key = this.#key(context, name)
    if (context.dryRun) {
      if (await this.#reader.latest(key)) throw await this.#existsError(context, key, object)
      return new LooseObject(this.codec, object, object.metadata.resourceVersion ? undefined : { bytes })
    }
    try {
      const kv = await timed(context, this.#store.create(key, bytes, this.#writeOptions(object)))
      context.trace?.wrote({ action: 'created', identity: this.identity, object, revision: kv.modRevision })
      return this.#stored(object, kv)
    } catch (error) {
      if (isStorageError(error, 'KeyExists')) throw await this.#existsError(context, key, object)
      throw this.#storageFailure(error, 'create')
    }
  }

  /** Says that the name is taken, and whether what has it is on its way out. */
  async #existsError(context: RequestContext, key: string, object: KubeObject): Promise<ApiError> {
    const name = object.metadata.name!
    const error = object.metadata.generateName
      ? generateNameConflict(this.#asked(context), name, 1)
      : alreadyExists(this.#asked(context), name)
    const existing = await this.#reader.latest(key)
    if (!existing?.object.metadata.deletionTimestamp) return error
    const { code, reason, details } = error
    const message = `object is being deleted: ${error.message}`
    return new ApiErrorClass({ code, reason, message, ...(details ? { details } : {}) })
  }

  /** Updates (or creates) an object. Errors: 404, 409, 422 and those of the request's functions. */
  async update(context: RequestContext, name: string, request: UpdateRequest): Promise<UpdateOutcome> {
    const key = this.#key(context, name)
    let current = this.#reader.cached(key) ?? (await this.#reader.latest(key))
    let isLatest = false
    for (let attempt = 1; attempt <= MAX_UPDATE_ATTEMPTS; attempt++) {
      try {
        return await this.#updateOnce(context, name, key, current, request)
      } catch (error) {
        if (error instanceof EmptiedFinalizers) {
          return { stored: await this.#removeEmptied(context, key, error.object, request), created: false }
        }
        // What the cache had may have been stale: a refusal on its ground counts only once it was the latest.
        const stale = error instanceof ApiErrorClass && !isLatest
        if (!stale && !isWriteRace(error)) throw this.#storageFailure(error, 'update')
        if (isStorageError(error) && error.actualRevision) await this.#reader.settled(error.actualRevision)
        const latest = await this.#reader.latest(key)
        if (stale && latest?.revision === current?.revision) throw error
        current = latest
        isLatest = true
      }
    }
    throw serverTimeout(this.identity, 'update', 2)
  }

  async #updateOnce(
    context: RequestContext,
    name: string,
    key: string,
    current: CurrentObject | undefined,
    request: UpdateRequest,
  ): Promise<UpdateOutcome> {
    const existing = current?.object
    if (!existing && !this.identity.allowCreateOnUpdate && !request.forceAllowCreate) {
      throw notFound(this.#asked(context), name)
    }
    if (request.preconditions) this.#checkPreconditions(context, key, existing, request.preconditions)
    const object = await request.updatedObject(existing)
    // A subresource changes nothing that hooks look after: upstream's status stores have none.
    const hooks = request.strategy ? undefined : this.entry.hooks
    await hooks?.authorize?.({ object, old: existing, name }, this.strategyContext(context))
    const given = parseResourceVersion(object)
    if (!existing) {
      wipeSystemFields(object)
      return { stored: await this.#createOnce(context, object, request.validateCreate), created: true }
    }
    this.#settleResourceVersion(context, { object, given, existing, name })
    const stored = await this.#replace(context, key, object, current!, request)
    return { stored, created: false }
  }

  /** Optimistic concurrency: what the client read must be what is there, unless the kind allows to leave it open. */
  #settleResourceVersion(context: RequestContext, { object, given, existing, name }: GivenVersion): void {
    if (given === '0') {
      if (this.identity.allowUnconditionalUpdate) {
        object.metadata.resourceVersion = existing.metadata.resourceVersion
        return
      }
      const path = FieldPath.of('metadata', 'resourceVersion')
      const kind = { group: this.identity.group, kind: this.identity.resource }
      throw invalidObject(kind, name, [invalid(path, 0, 'must be specified for an update')])
    }
    if (given !== existing.metadata.resourceVersion) throw conflict(this.#asked(context), name, OPTIMISTIC_LOCK_MESSAGE)
  }

  async #replace(
    context: RequestContext,
    key: string,
    object: KubeObject,
    current: CurrentObject,
    request: UpdateRequest,
  ): Promise<StoredObject> {
    const existing = current.object
    const strategyContext = this.strategyContext(context)
    const hooks = request.strategy ? undefined : this.entry.hooks
    const finish = await hooks?.beginUpdate?.(object, existing, strategyContext, context.dryRun)
    return await finishing(finish, async () => {
      const strategy = request.strategy ?? this.entry.strategy
      beforeUpdate(strategy, this.identity, object, existing, strategyContext, context)
      this.#normalize(object)
      revertTimestampOnlyChange(object, existing)
      if (request.validateUpdate) await request.validateUpdate(object, existing)
      if (this.#isToDelete(object, existing)) throw new EmptiedFinalizers(object)
      return await this.#persistChange(context, key, object, current)
    })
  }

  /** Writes an object in normal form over the one that is there. */
  async #persistChange(
    context: RequestContext,
    key: string,
    object: KubeObject,
    current: CurrentObject,
  ): Promise<StoredObject> {
    object.metadata.resourceVersion = String(current.revision)
    // A write that would change nothing is left out.
    if (context.dryRun || equalJson(object, current.object)) {
      context.trace?.wrote({ action: 'unchanged', identity: this.identity, object, revision: current.revision })
      return new LooseObject(this.codec, object)
    }
    const bytes = this.#encode(object)
    const kv = await timed(context, this.#store.update(key, bytes, current.revision, this.#writeOptions(object)))
    const { modRevision: revision } = kv
    context.trace?.wrote({ action: 'updated', identity: this.identity, object, old: current.object, revision })
    return this.#stored(object, kv)
  }

  /** An update has taken the last finalizer of an object that waited to be deleted. */
  #isToDelete(object: KubeObject, existing: KubeObject): boolean {
    const { deletionTimestamp, deletionGracePeriodSeconds } = existing.metadata
    if ((object.metadata.finalizers?.length ?? 0) > 0 || !deletionTimestamp) return false
    if (deletionGracePeriodSeconds) return false
    return this.entry.deletion?.mayDeleteDuringUpdate?.(object) ?? true
  }

  async #removeEmptied(
    context: RequestContext,
    key: string,
    object: KubeObject,
    request: UpdateRequest,
  ): Promise<StoredObject> {
    if (!context.dryRun) await this.#remove(context, key, request.preconditions ?? {}, undefined, { tolerant: true })
    return new LooseObject(this.codec, object)
  }

  /** Deletes an object, or begins to. Errors: 404, 409 and those of `validate`. */
  async delete(
    context: RequestContext,
    name: string,
    options: DeleteOptions,
    validate?: ValidateCreate,
  ): Promise<DeleteOutcome> {
    const key = this.#key(context, name)
    const rules = this.entry.deletion
    for (const warning of rules?.warnings?.(options) ?? []) context.warn(warning)
    const current = await this.#reader.latest(key)
    if (!current) throw notFound(this.#asked(context), name)
    if (rules?.beginTermination) {
      const terminating = await this.#terminate(context, name, current, options, validate)
      if (terminating) return terminating
    }
    const strategyContext = this.strategyContext(context)
    const first = gracefulDeletion(this.entry, this.identity, cloneJson(current.object), options, strategyContext)
    if (first.pending) return this.#outcome(context, current, false)
    const finalizers = current.object.metadata.finalizers ?? []
    const wanted = deletionFinalizers(this.entry, current.object, options)
    let last: KubeObject | undefined
    if (first.graceful || finalizers.length > 0 || !sameFinalizers(finalizers, wanted)) {
      const marked = await this.#markForDeletion(context, name, key, options, validate)
      if (!marked.deleteNow) return marked.outcome
      last = marked.object
      // The mark was this request's own write: what the client saw before it can no longer be there.
      options = {
        ...options,
        preconditions: { ...(options.preconditions?.uid ? { uid: options.preconditions.uid } : {}) },
      }
      if (context.dryRun && last) return this.#outcome(context, new LooseObject(this.codec, last), true)
    }
    const removed = await this.#remove(context, key, options.preconditions ?? {}, validate, {
      tolerant: last !== undefined,
    })
    const gone = removed ?? last
    if (!gone) throw notFound(this.#asked(context), name)
    return this.#outcome(context, new LooseObject(this.codec, gone), true)
  }

  /** Writes the deletion mark (time, grace period, finalizers of the garbage collector) on an object that stays. */
  async #markForDeletion(
    context: RequestContext,
    name: string,
    key: string,
    options: DeleteOptions,
    validate: ValidateCreate | undefined,
  ): Promise<{ deleteNow: true; object: KubeObject | undefined } | { deleteNow: false; outcome: DeleteOutcome }> {
    for (let attempt = 1; attempt <= MAX_UPDATE_ATTEMPTS; attempt++) {
      const current = await this.#reader.latest(key)
      if (!current) throw notFound(this.#asked(context), name)
      this.#checkPreconditions(context, key, current.object, options.preconditions ?? {})
      if (validate) await validate(current.object)
      const object = cloneJson(current.object)
      const graceful = gracefulDeletion(this.entry, this.identity, object, options, this.strategyContext(context))
      if (graceful.pending) return { deleteNow: false, outcome: this.#outcome(context, current, false) }
      setFinalizers(object, deletionFinalizers(this.entry, object, options))
      const waits = (object.metadata.finalizers?.length ?? 0) > 0
      if (!graceful.graceful) {
        if (!waits) return { deleteNow: true, object: undefined }
        markAsDeleting(object, this.#clock.now())
      }
      this.#normalize(object)
      try {
        const stored = await this.#persistChange(context, key, object, current)
        if (waits || (graceful.graceful && graceful.seconds > 0)) {
          return { deleteNow: false, outcome: { result: stored, deleted: false } }
        }
        return { deleteNow: true, object: stored.object }
      } catch (error) {
        if (!isWriteRace(error)) throw this.#storageFailure(error, 'delete')
        if (isStorageError(error) && error.actualRevision) await this.#reader.settled(error.actualRevision)
      }
    }
    throw serverTimeout(this.identity, 'delete', 2)
  }

  /** First delete of a kind with a life cycle of its own; undefined once the object may really go. */
  async #terminate(
    context: RequestContext,
    name: string,
    current: CurrentObject,
    options: DeleteOptions,
    validate: ValidateCreate | undefined,
  ): Promise<DeleteOutcome | undefined> {
    const rules = this.entry.deletion!
    const preconditions = { uid: current.object.metadata.uid, ...options.preconditions }
    if (current.object.metadata.deletionTimestamp) {
      return rules.isTerminated?.(current.object) ? undefined : this.#outcome(context, current, false)
    }
    checkOwnPreconditions(this.#asked(context), name, current.object, preconditions)
    const key = this.#key(context, name)
    let latest: CurrentObject | undefined = current
    for (let attempt = 1; latest && attempt <= MAX_UPDATE_ATTEMPTS; attempt++) {
      this.#checkPreconditions(context, key, latest.object, preconditions)
      if (validate) await validate(latest.object)
      const object = cloneJson(latest.object)
      rules.beginTermination!(object, options, this.strategyContext(context))
      this.#normalize(object)
      try {
        // The server's own mark: what no client may change is not looked at.
        return { result: await this.#persistChange(context, key, object, latest), deleted: false }
      } catch (error) {
        if (!isWriteRace(error)) throw this.#storageFailure(error, 'delete')
        if (isStorageError(error) && error.actualRevision) await this.#reader.settled(error.actualRevision)
        latest = await this.#reader.latest(key)
      }
    }
    if (!latest) throw notFound(this.#asked(context), name)
    throw serverTimeout(this.identity, 'delete', 2)
  }

  /** Deletes the key; undefined where it was gone already and `tolerant` says that this is as good. */
  async #remove(
    context: RequestContext,
    key: string,
    preconditions: Preconditions,
    validate: ValidateCreate | undefined,
    { tolerant }: { readonly tolerant: boolean },
  ): Promise<KubeObject | undefined> {
    const name = key.slice(key.lastIndexOf('/') + 1)
    for (let attempt = 1; attempt <= MAX_UPDATE_ATTEMPTS; attempt++) {
      const current = await this.#reader.latest(key)
      if (!current) {
        if (tolerant) return undefined
        throw notFound(this.#asked(context), name)
      }
      this.#checkPreconditions(context, key, current.object, preconditions)
      if (validate) await validate(current.object)
      if (context.dryRun) return current.object
      try {
        const { revision } = await timed(context, this.#store.delete(key, current.revision))
        context.trace?.wrote({ action: 'deleted', identity: this.identity, object: current.object, revision })
        const gone: KubeObject = {
          ...current.object,
          metadata: { ...current.object.metadata, resourceVersion: String(revision) },
        }
        await this.entry.hooks?.afterDelete?.(gone, this.strategyContext(context))
        return gone
      } catch (error) {
        if (!isWriteRace(error)) throw this.#storageFailure(error, 'delete')
        if (isStorageError(error) && error.actualRevision) await this.#reader.settled(error.actualRevision)
      }
    }
    throw serverTimeout(this.identity, 'delete', 2)
  }

  #outcome(context: RequestContext, last: StoredObject, deleted: boolean): DeleteOutcome {
    if (this.entry.deletion?.returnsObject) return { result: last, deleted }
    const { name, uid } = last.object.metadata
    const { group, resource } = this.#asked(context)
    const details = { name: name!, ...(group === '' ? {} : { group }), kind: resource, uid: uid! }
    return { result: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }, deleted }
  }

  /** Errors: 413. */
  #encode(object: KubeObject): Buffer {
    const bytes = this.codec.encode(object)
    if (bytes.length > MAX_STORED_BYTES) throw requestEntityTooLarge(`limit is ${MAX_STORED_BYTES}`)
    return bytes
  }

  /** What has just been written: as the cache has it already, so that it is encoded once for all. */
  #stored(object: KubeObject, { key, value, modRevision }: KeyValue): StoredObject {
    const cached = this.#reader.cached(key)
    const isSame = cached?.revision === modRevision
    const twin = isSame ? cached : { bytes: this.codec.withRevision(value, modRevision) }
    return new LooseObject(this.codec, this.codec.adopt(object, modRevision), twin)
  }

  /** The object is the store's from here on. */
  #writeOptions(object: KubeObject): WriteOptions {
    const seconds = this.entry.ttlSeconds?.(object, this.#config)
    return seconds ? { ttlSeconds: seconds, decoded: object } : { decoded: object }
  }

  #expectedNamespace(context: RequestContext): string {
    return this.identity.namespaced ? context.namespace : ''
  }

  /** A dry run does not reach the layer that puts the prefix of the store before a key. */
  #checkPreconditions(
    context: RequestContext,
    key: string,
    existing: KubeObject | undefined,
    preconditions: Preconditions,
  ): void {
    const shownKey = context.dryRun ? key.slice(this.identity.storePrefix.length) : key
    checkPreconditions(this.#asked(context), shownKey, existing, preconditions)
  }

  #key(context: RequestContext, name: string): string {
    return objectKey(this.identity, context.namespace, name)
  }

  #storageFailure(error: unknown, operation: string): unknown {
    return isStorageError(error, 'Unavailable') ? serverTimeout(this.identity, operation, 2) : error
  }
}

/** Runs the work between a hook and its finish, which hears exactly once how it ended. */
async function finishing<T>(finish: Finish | undefined, work: () => Promise<T>): Promise<T> {
  if (!finish) return await work()
  let succeeded = false
  try {
    const result = await work()
    succeeded = true
    return result
  } finally {
    await finish(succeeded)
  }
}

/** Another write came first: read again and try again. */
function isWriteRace(error: unknown): boolean {
  return (
    isStorageError(error, 'RevisionConflict') ||
    isStorageError(error, 'KeyNotFound') ||
    isStorageError(error, 'KeyExists')
  )
}

function setFinalizers(object: KubeObject, finalizers: readonly string[]): void {
  if (finalizers.length > 0) object.metadata.finalizers = [...finalizers]
  else delete object.metadata.finalizers
}

/** Preconditions of a delete with a life cycle of its own: upstream words them without the storage layer's prefix. */
function checkOwnPreconditions(
  identity: ResourceIdentity,
  name: string,
  object: KubeObject,
  { uid, resourceVersion }: Preconditions,
): void {
  const metadata = object.metadata
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`
    throw conflict(identity, name, why)
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`
    throw conflict(identity, name, why)
  }
}

/** Tells the request how long the store took, where it wants to know. */
function timed<T>(context: RequestContext, write: Promise<T>): Promise<T> {
  if (!context.spent) return write
  const start = performance.now()
  return write.finally(() => context.spent?.('etcd', performance.now() - start))
}

/** The resourceVersion that a client sends with an object, and what there is of it. */
interface GivenVersion {
  readonly object: KubeObject
  readonly given: string
  readonly existing: KubeObject
  readonly name: string
}

/** The resourceVersion that a client sent with an update; '0' where it left it open. */
function parseResourceVersion({ metadata }: KubeObject): string {
  const given = metadata.resourceVersion || '0'
  if (!/^\d+$/.test(given)) throw unknownError(`strconv.ParseUint: parsing ${goQuote(given)}: invalid syntax`)
  return given
}

/** What is to be created has none yet; one that is no number counts as none. */
function refuseResourceVersion({ metadata }: KubeObject): void {
  if (!/^0*[1-9]\d*$/.test(metadata.resourceVersion ?? '')) return
  throw unknownError('resourceVersion should not be set on objects to be created')
}
