import { type GroupFact, groupFacts, type ResourceFact, resourceFacts, updateRuleOf } from '../../openapi/data.ts'
import type { Clock } from '../apimachinery/clock.ts'
import { FieldManager } from '../apimachinery/field-manager/field-manager.ts'
import { apiVersionOf } from '../apimachinery/group-version.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { definitionOf, typeOf } from '../apimachinery/schema/builtin-types.ts'
import type { Registry, ResourceBacking } from '../registry/generic/registry.ts'
import type { ApiResource, VirtualHandlers } from './api-resource.ts'
import { SCALE_NODE_NAME } from './handlers/scale.ts'

export interface CatalogOptions {
  readonly registry: Registry
  readonly clock: Clock
  /** Handlers of what is not stored, by `group/resource` or `group/resource/subresource`. */
  readonly virtual: ReadonlyMap<string, VirtualHandlers>
  /** `group/version` of optional versions to serve as well (`--runtime-config`). */
  readonly enabledVersions?: ReadonlySet<string>
}

/** Every resource that is served, by group, version and name. */
export class ResourceCatalog {
  readonly groups: readonly GroupFact[]
  readonly #resources = new Map<string, ApiResource>()
  readonly #byGroupVersion = new Map<string, ApiResource[]>()

  constructor(options: CatalogOptions) {
    const enabled = options.enabledVersions ?? new Set<string>()
    this.groups = groupFacts()
      .map((g) => ({ ...g, versions: [...g.versions, ...g.optionalVersions.filter((v) => enabled.has(`${g.name}/${v}`))] }))
      .filter((g) => g.versions.length > 0)
    const served = new Map(this.groups.map((g) => [g.name, g.versions]))
    for (const fact of resourceFacts()) {
      if (served.get(fact.group)?.includes(fact.version)) this.#add(fact, options)
    }
  }

  find(group: string, version: string, resource: string): ApiResource | undefined {
    return this.#resources.get(`${group}/${version}/${resource}`)
  }

  /** Resources of a group version in the order of discovery; undefined where it is not served. */
  resourcesOf(group: string, version: string): readonly ApiResource[] | undefined {
    return this.#byGroupVersion.get(`${group}/${version}`)
  }

  group(name: string): GroupFact | undefined {
    return this.groups.find((g) => g.name === name)
  }

  #add(fact: ResourceFact, options: CatalogOptions): void {
    const { group, version, resource } = fact
    const backing = options.registry.backing(group, resource) ?? aliasBacking(options.registry, fact)
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
    if (backing.identity.keyPrefix.endsWith(`${fact.storagePrefix}/`) && backing.identity.kind === fact.kind) return backing
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
    new FieldManager({
      node: subresource === 'scale' ? typeOf(SCALE_NODE_NAME) : node,
      apiVersion: subresource === 'scale' ? 'autoscaling/v1' : apiVersionOf(gvk),
      kind: subresource === 'scale' ? 'Scale' : kind,
      subresource,
      resetFields: updateRuleOf(group, resource)?.resetFields?.[subresource === '' ? 'main' : subresource] ?? [],
      clock: options.clock,
      ...(view && backing ? { convert: converterOf(backing) } : {}),
    })
  return {
    fact,
    gvr: { group, version, resource },
    gvk,
    node,
    backing,
    view,
    subresources: new Map(fact.subresources.map((s) => [s.name, s])),
    fieldManager: managerOf,
    virtual: virtualOf(fact, options.virtual),
  }
}

/** Turns hub objects into those of a version, and back. */
function converterOf(backing: ResourceBacking): (object: KubeObject, apiVersion: string) => KubeObject {
  const { entry, identity } = backing
  const hub = apiVersionOf({ group: identity.group, version: identity.hubVersion })
  const views = new Map(entry.views?.map((v) => [apiVersionOf({ group: v.group ?? identity.group, version: v.version }), v]))
  return (object, apiVersion) => {
    if (object.apiVersion === apiVersion) return object
    const asHub = object.apiVersion === hub ? object : views.get(object.apiVersion)!.toHub(object)
    return apiVersion === hub ? asHub : views.get(apiVersion)!.fromHub(asHub)
  }
}

function virtualOf(fact: ResourceFact, all: ReadonlyMap<string, VirtualHandlers>): ReadonlyMap<string, VirtualHandlers> {
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
