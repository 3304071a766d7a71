import { type ResourceFact, resourceFacts } from '../../../openapi/data.ts'
import { apiVersionOf, type GroupVersionKind, type GroupVersionResource } from '../../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../../apimachinery/kube-object.ts'
import { definitionOf, typeOf } from '../../apimachinery/schema/builtin-types.ts'
import { decode } from '../../apimachinery/schema/decode.ts'
import { DecodeError } from '../../apimachinery/schema/json-text.ts'
import { normalize } from '../../apimachinery/schema/normalize.ts'
import type { StructNode } from '../../apimachinery/schema/schema-node.ts'
import type { Registry, ResourceBacking } from '../../registry/generic/registry.ts'
import type { VersionView } from '../../registry/resource.ts'
import type { EquivalentResource, VersionedObjects } from './versioned-objects.ts'

/** {@link VersionedObjects} of what a registry holds. `serves` says which group versions the server has on. */
export class RegistryVersions implements VersionedObjects {
  readonly #registry: Registry
  readonly #serves: (group: string, version: string) => boolean
  readonly #equivalents = new Map<string, readonly EquivalentResource[]>()

  constructor(registry: Registry, serves: (group: string, version: string) => boolean = () => true) {
    this.#registry = registry
    this.#serves = serves
  }

  equivalents(resource: GroupVersionResource, subresource: string): readonly EquivalentResource[] {
    const key = `${resource.group}/${resource.version}/${resource.resource}/${subresource}`
    let found = this.#equivalents.get(key)
    if (!found) {
      found = this.#findEquivalents(resource, subresource)
      this.#equivalents.set(key, found)
    }
    return found
  }

  toVersion(object: KubeObject, resource: GroupVersionResource, kind: GroupVersionKind): KubeObject {
    if (object.kind === kind.kind && object.apiVersion === apiVersionOf(kind)) return object
    const view = viewOf(this.#backing(resource), kind)
    return view ? view.fromHub(object) : object
  }

  fromVersion(document: JsonObject, resource: GroupVersionResource, kind: GroupVersionKind): KubeObject {
    const backing = this.#backing(resource)
    const object = decode(document, nodeOf(kind, backing)).object as KubeObject
    if (!isJsonObject(object.metadata)) object.metadata = {}
    // Subresources of another kind (scale, eviction) have neither versions nor defaults.
    if (backing?.identity.kind !== kind.kind) return object
    const view = viewOf(backing, kind)
    view?.defaults?.(object)
    const hub = view ? view.toHub(object) : object
    backing.entry.defaults?.(hub)
    return hub
  }

  normalize(object: KubeObject, resource: GroupVersionResource): void {
    const backing = this.#backing(resource)
    if (backing && object.kind === backing.identity.kind) normalize(object, backing.node)
  }

  #findEquivalents(resource: GroupVersionResource, subresource: string): readonly EquivalentResource[] {
    const facts = resourceFacts()
    const own = facts.find((f) => f.group === resource.group && f.resource === resource.resource)
    if (!own) return []
    const same = own.storagePrefix
      ? facts.filter((f) => f.storagePrefix === own.storagePrefix)
      : facts.filter((f) => f.group === own.group && f.resource === own.resource)
    return same
      .filter(({ group, version }) => this.#serves(group, version))
      .flatMap((fact) => {
        const kind = kindOf(fact, subresource)
        const { group, version, resource: name } = fact
        return kind ? [{ resource: { group, version, resource: name }, kind }] : []
      })
  }

  /** Two groups may serve what one of them stores (events). */
  #backing({ group, resource }: GroupVersionResource): ResourceBacking | undefined {
    const own = this.#registry.backing(group, resource)
    if (own) return own
    const prefix = resourceFacts().find((f) => f.group === group && f.resource === resource)?.storagePrefix
    if (!prefix) return undefined
    const storing = resourceFacts().filter((f) => f.storagePrefix === prefix)
    return storing.map((f) => this.#registry.backing(f.group, f.resource)).find((backing) => backing !== undefined)
  }
}

function kindOf(fact: ResourceFact, subresource: string): GroupVersionKind | undefined {
  const { group, version, kind } =
    subresource === '' ? fact : (fact.subresources.find((s) => s.name === subresource) ?? {})
  return group === undefined || version === undefined || kind === undefined ? undefined : { group, version, kind }
}

function viewOf(backing: ResourceBacking | undefined, kind: GroupVersionKind): VersionView | undefined {
  if (!backing) return undefined
  const { entry, identity } = backing
  return entry.views?.find((v) => v.version === kind.version && (v.group ?? identity.group) === kind.group)
}

function nodeOf(kind: GroupVersionKind, backing: ResourceBacking | undefined): StructNode {
  const definition = definitionOf(kind)
  if (definition !== undefined) return typeOf(definition)
  if (backing) return backing.node
  throw new DecodeError(`no kind "${kind.kind}" is registered for version "${apiVersionOf(kind)}"`)
}
