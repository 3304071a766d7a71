import { randomUUID } from 'node:crypto'
import { resourceFacts, updateRuleOf } from '../../../openapi/data.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { definitionOf, typeOf } from '../../apimachinery/schema/builtin-types.ts'
import { normalize } from '../../apimachinery/schema/normalize.ts'
import type { StructNode } from '../../apimachinery/schema/schema-node.ts'
import type { Store } from '../../storage/store.ts'
import type { CacheEntry } from '../../storage/watch-cache/cache-entry.ts'
import type { WatchCache } from '../../storage/watch-cache/watch-cache.ts'
import type { WatchCacheGroup } from '../../storage/watch-cache/watch-cache-group.ts'
import type { AnyResourceEntry, RegistryConfig } from '../resource.ts'
import { ObjectCodec } from './object-codec.ts'
import type { ResourceIdentity } from './resource-identity.ts'
import { type CurrentObject, type CurrentReader, ResourceStore } from './resource-store.ts'

/** What selectors look at. */
export interface SelectableAttributes {
  readonly labels: Readonly<Record<string, string>> | undefined
  /** metadata.name, metadata.namespace and the kind's own. */
  readonly fields: Readonly<Record<string, string>>
}

export type ObjectCache = WatchCache<SelectableAttributes, KubeObject>
export type ObjectEntry = CacheEntry<SelectableAttributes, KubeObject>

/** Everything that stands behind one stored resource. */
export interface ResourceBacking {
  readonly entry: AnyResourceEntry
  readonly identity: ResourceIdentity
  readonly codec: ObjectCodec
  readonly node: StructNode
  readonly store: ResourceStore
  readonly cache: ObjectCache
}

export interface RegistryOptions {
  readonly entries: readonly AnyResourceEntry[]
  readonly store: Store
  readonly caches: WatchCacheGroup
  readonly clock: Clock
  readonly config: RegistryConfig
  /** Prefix of every key; upstream's default is `/registry`. */
  readonly keyPrefix: string
  /** Nobody else writes to the store: the cache is never behind it. */
  readonly exclusive: boolean
}

/** All stored resources of a server, by group and name. */
export class Registry {
  readonly config: RegistryConfig
  readonly clock: Clock
  readonly #backings = new Map<string, ResourceBacking>()

  constructor(options: RegistryOptions) {
    this.config = options.config
    this.clock = options.clock
    for (const entry of options.entries) if (isStored(entry)) this.add(entry, options)
  }

  /** Adds a resource; custom resources come and go at run time. */
  add(entry: AnyResourceEntry, options: RegistryOptions): ResourceBacking {
    const identity = identityOf(entry, options.keyPrefix)
    const gvk = { group: identity.group, version: identity.hubVersion, kind: identity.kind }
    const node = typeOf(definitionOf(gvk)!)
    const codec = new ObjectCodec(gvk)
    const cache = options.caches.cache<SelectableAttributes, KubeObject>(identity.keyPrefix, {
      encode: (value, revision) => codec.withRevision(value, revision),
      parse: (bytes) => codec.parse(bytes),
      adopt: (decoded, revision) => codec.adopt(decoded as KubeObject, revision),
      attributes: ({ object }) => attributesOf(entry, object),
    })
    const store = new ResourceStore({
      entry,
      identity,
      codec,
      normalize: (object) => normalize(object, node),
      store: options.store,
      reader: options.exclusive ? exclusiveReader(cache) : sharedReader(cache, options.store, codec),
      clock: options.clock,
      config: options.config,
      newUid: randomUUID,
    })
    const backing = { entry, identity, codec, node, store, cache }
    this.#backings.set(keyOf(entry.group, entry.resource), backing)
    return backing
  }

  backing(group: string, resource: string): ResourceBacking | undefined {
    return this.#backings.get(keyOf(group, resource))
  }

  backings(): IterableIterator<ResourceBacking> {
    return this.#backings.values()
  }
}

const keyOf = (group: string, resource: string): string => `${group}/${resource}`

/** False for what exists only as a request (bindings) or is made up when it is read (componentstatuses). */
function isStored({ group, resource }: AnyResourceEntry): boolean {
  return resourceFacts().some((f) => f.group === group && f.resource === resource && f.storagePrefix !== undefined)
}

/** Names, scope and storage prefix of a built-in resource, from the facts of discovery. */
function identityOf(entry: AnyResourceEntry, keyPrefix: string): ResourceIdentity {
  const { group, resource, hubVersion } = entry
  const fact = resourceFacts().find((f) => f.group === group && f.resource === resource && f.version === hubVersion)
  if (!fact?.storagePrefix) throw new Error(`no stored resource ${resource}.${hubVersion}.${group} in the API's facts`)
  const rule = updateRuleOf(group, resource)
  return {
    group,
    resource,
    kind: fact.kind,
    hubVersion,
    namespaced: fact.namespaced,
    keyPrefix: `${keyPrefix}${fact.storagePrefix}/`,
    storePrefix: keyPrefix,
    allowCreateOnUpdate: rule?.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: rule?.allowUnconditionalUpdate ?? true,
  }
}

function attributesOf(entry: AnyResourceEntry, object: KubeObject): SelectableAttributes {
  const { name = '', namespace, labels } = object.metadata
  const own = entry.selectableFields?.(object)
  const fields: Record<string, string> = { 'metadata.name': name }
  if (namespace !== undefined) fields['metadata.namespace'] = namespace
  return { labels, fields: own ? Object.assign(fields, own) : fields }
}

const currentOf = (entry: ObjectEntry | undefined): CurrentObject | undefined => entry && new CachedObject(entry)

/** What the cache has of an object; parsed and encoded only if somebody looks. */
class CachedObject implements CurrentObject {
  readonly #entry: ObjectEntry

  constructor(entry: ObjectEntry) {
    this.#entry = entry
  }

  get object(): KubeObject {
    return this.#entry.object
  }

  get bytes(): Buffer {
    return this.#entry.bytes
  }

  get revision(): number {
    return this.#entry.modRevision
  }
}

/** Reads of a store that only this process writes to: the cache hears of every write before its writer does. */
function exclusiveReader(cache: ObjectCache): CurrentReader {
  return {
    cached: (key) => currentOf(cache.peek(key)),
    latest: (key) => {
      const fresh = cache.fresh('latest')
      return fresh ? fresh.then(() => currentOf(cache.peek(key))) : currentOf(cache.peek(key))
    },
    settled: async (revision) =>
      void (await cache.get(cache.prefix, { notOlderThan: revision }).catch(() => undefined)),
  }
}

/** Reads of a store that others write to as well: what must be the latest is asked of the store itself. */
function sharedReader(cache: ObjectCache, store: Store, codec: ObjectCodec): CurrentReader {
  return {
    cached: (key) => currentOf(cache.peek(key)),
    latest: async (key) => {
      const { kv } = await store.get(key)
      if (!kv) return undefined
      const bytes = codec.withRevision(kv.value, kv.modRevision)
      return { object: codec.parse(bytes), bytes, revision: kv.modRevision }
    },
    settled: () => Promise.resolve(),
  }
}
