import { type GroupFact, groupFacts, type ResourceFact, resourceFacts, updateRuleOf } from '../../openapi/data.ts'
import { unknownError } from '../apimachinery/api-error.ts'
import type { Clock } from '../apimachinery/clock.ts'
import { FieldManager } from '../apimachinery/field-manager/field-manager.ts'
import { apiVersionOf, parseApiVersion } from '../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../apimachinery/kube-object.ts'
import { definitionOf, typeOf } from '../apimachinery/schema/builtin-types.ts'
import { decode } from '../apimachinery/schema/decode.ts'
import { DecodeError } from '../apimachinery/schema/json-text.ts'
import type { StructNode } from '../apimachinery/schema/schema-node.ts'
import type { Registry, ResourceBacking } from '../registry/generic/registry.ts'
import type { ApiResource, VirtualHandlers } from './api-resource.ts'
import { defaultedHub } from './handlers/body.ts'
import { SCALE_NODE_NAME } from './handlers/scale.ts'

export interface CatalogOptions {
  readonly registry: Registry
  readonly clock: Clock
  /** Handlers of what is not stored, by `group/resource` or `group/resource/subresource`. */
  readonly virtual: ReadonlyMap<string, VirtualHandlers>
  /** Whether a resource is served that is, or is not, by default (`--runtime-config`). Unset: the default. */
  readonly serves?: ServesResource
}

export type ServesResource = (group: string, version: string, resource: string, byDefault: boolean) => boolean

/** Every resource that is served, by group, version and name. */
export class ResourceCatalog {
  readonly groups: readonly GroupFact[]
  readonly #resources = new Map<string, ApiResource>()
  readonly #byGroupVersion = new Map<string, ApiResource[]>()

  constructor(options: CatalogOptions) {
    const defaults = new Map(groupFacts().map((g) => [g.name, g.versions]))
    const { serves = (_group, _version, _resource, byDefault) => byDefault } = options
    for (const fact of resourceFacts()) {
      const { group, version, resource } = fact
      const byDefault = defaults.get(group)?.includes(version) ?? false
      if (serves(group, version, resource, byDefault)) this.#add(fact, options)
    }
    this.groups = groupFacts()
      .map((g) => ({
        ...g,
        versions: [...g.versions, ...g.optionalVersions].filter((v) => this.resourcesOf(g.name, v) !== undefined),
      }))
      .filter((g) => g.versions.length > 0)
  }

  find(group: string, version: string, resource: string): ApiResource | undefined {
    return this.#resources.get(`${group}/${version}/${resource}`)
  }

  /** Resources of a group version in the order of discovery; undefined where it is not served. */
  resourcesOf(group: string, version: string): readonly ApiResource[] | undefined {
    return this.#byGroupVersion.get(`${group}/${version}`)
  }

  /** Facts of everything that is served. */
  facts(): readonly ResourceFact[] {
    return [...this.#resources.values()].map((r) => r.fact)
  }

  group(name: string): GroupFact | undefined {
    return this.groups.find((g) => g.name === name)
  }

  #add(fact: ResourceFact, options: CatalogOptions): void {
    const { group, version, resource } = fact
    const backing = options.registry.backing(group, resource) ?? aliasBacking(options.registry, fact)
    // What has neither a place in the store nor handlers is not there, whoever asks for it.
    if (!backing && !options.virtual.has(`${group}/${resource}`)) return
    const resourceOfApi = apiResource(fact, backing, options)
    this.#resources.set(`${group}/${version}/${resource}`, resourceOfApi)
    const key = `${group}/${version}`
    const list = this.#byGroupVersion.get(key)
    if (list) list.push(resourceOfApi)
    else this.#byGroupVersion.set(key, [resourceOfApi])
  }
}

/** A resource that shows what another group stores (events.k8s.io events). */
function aliasBacking(registry: Registry, fact: ResourceFact): ResourceBacking | undefined {
  if (!fact.storagePrefix) return undefined
  for (const backing of registry.backings()) {
    if (backing.identity.keyPrefix.endsWith(`${fact.storagePrefix}/`) && backing.identity.kind === fact.kind)
      return backing
  }
  return undefined
}

function apiResource(fact: ResourceFact, backing: ResourceBacking | undefined, options: CatalogOptions): ApiResource {
  const { group, version, resource, kind } = fact
  const gvk = { group, version, kind }
  const view = backing?.entry.views?.find((v) => v.version === version && (v.group ?? backing.identity.group) === group)
  const definition = definitionOf(gvk)
  if (!definition) throw new Error(`no schema for ${kind} in ${apiVersionOf(gvk)}`)
  const node = typeOf(definition)
  const managers = new Map<string, FieldManager>()
  const managerOf = (subresource: string): FieldManager => {
    let manager = managers.get(subresource)
    if (!manager) {
      manager = fieldManager(subresource)
      managers.set(subresource, manager)
    }
    return manager
  }
  const fieldManager = (subresource: string): FieldManager =>
    subresource === 'scale' ? scaleFieldManager(options.clock) : ownFieldManager(api, subresource, options.clock)
  const api: ApiResource = {
    fact,
    gvr: { group, version, resource },
    gvk,
    node,
    backing,
    view,
    subresources: new Map(fact.subresources.map((s) => [s.name, s])),
    fieldManager: managerOf,
    virtual: virtualOf(fact, options.virtual),
    now: () => options.clock.now(),
  }
  return api
}

/** Tracks the fields of the resource itself, or of a subresource. */
function ownFieldManager(api: ApiResource, subresource: string, clock: Clock): FieldManager {
  const { gvr, view, backing } = api
  const { gvk, node } = kindOfSubresource(api, subresource)
  const resetFields = updateRuleOf(gvr.group, gvr.resource)?.resetFields?.[subresource === '' ? 'main' : subresource]
  const hasViews = view !== undefined || (backing?.entry.views?.length ?? 0) > 0
  return new FieldManager({
    node,
    apiVersion: apiVersionOf(gvk),
    kind: gvk.kind,
    subresource,
    resetFields: resetFields ?? [],
    clock,
    complete: (object) => defaultedHub(api, decodeApplied(object, node)),
    ...(hasViews ? { convert: converterOf(backing!), nodeOf: (version) => nodeOfVersion(version, gvk.kind) } : {}),
  })
}

/** What a subresource takes: the kind of the resource, or one of its own (TokenRequest). */
function kindOfSubresource({ gvk, node, subresources }: ApiResource, name: string): Pick<ApiResource, 'gvk' | 'node'> {
  const fact = subresources.get(name)
  if (!fact || (fact.kind === gvk.kind && fact.group === gvk.group)) return { gvk, node }
  const { group, version, kind } = fact
  return { gvk: { group, version, kind }, node: typeOf(definitionOf(fact)!) }
}

function scaleFieldManager(clock: Clock): FieldManager {
  const node = typeOf(SCALE_NODE_NAME)
  return new FieldManager({
    node,
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    subresource: 'scale',
    resetFields: [],
    clock,
    complete: (object) => decodeApplied(object, node),
  })
}

function decodeApplied(object: JsonObject, node: StructNode): KubeObject {
  try {
    const decoded = decode(object, node).object as KubeObject
    if (!isJsonObject(decoded.metadata)) decoded.metadata = {}
    return decoded
  } catch (error) {
    if (error instanceof DecodeError) throw unknownError(error.message)
    throw error
  }
}

function nodeOfVersion(apiVersion: string, kind: string): StructNode | undefined {
  const groupVersion = parseApiVersion(apiVersion)
  const definition = groupVersion && definitionOf({ ...groupVersion, kind })
  return definition === undefined ? undefined : typeOf(definition)
}

/** Turns hub objects into those of a version, and back. */
function converterOf(backing: ResourceBacking): (object: KubeObject, apiVersion: string) => KubeObject {
  const { entry, identity } = backing
  const hub = apiVersionOf({ group: identity.group, version: identity.hubVersion })
  const views = new Map(
    entry.views?.map((v) => [apiVersionOf({ group: v.group ?? identity.group, version: v.version }), v]),
  )
  return (object, apiVersion) => {
    if (object.apiVersion === apiVersion) return object
    const asHub = object.apiVersion === hub ? object : views.get(object.apiVersion)!.toHub(object)
    return apiVersion === hub ? asHub : views.get(apiVersion)!.fromHub(asHub)
  }
}

function virtualOf(
  fact: ResourceFact,
  all: ReadonlyMap<string, VirtualHandlers>,
): ReadonlyMap<string, VirtualHandlers> {
  const own = new Map<string, VirtualHandlers>()
  const key = `${fact.group}/${fact.resource}`
  const main = all.get(key)
  if (main) own.set('', main)
  for (const { name } of fact.subresources) {
    const handlers = all.get(`${key}/${name}`)
    if (handlers) own.set(name, handlers)
  }
  return own
}
