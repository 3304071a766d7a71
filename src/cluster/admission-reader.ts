import type { ObjectReader } from '../admission/object-reader.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { ObjectEntry, Registry, ResourceBacking } from '../registry/generic/registry.ts'
import { collectionPrefix } from '../registry/generic/resource-identity.ts'

const NOTHING: readonly KubeObject[] = []

const objectsOf = (entries: readonly ObjectEntry[]): readonly KubeObject[] =>
  entries.length === 0 ? NOTHING : entries.map(({ object }) => object)

/**
 * Reads for admission plugins, from the watch caches. What a cache lacks is looked for again once it is as fresh as the
 * store, so that an object is never missed because another process has only just written it.
 */
export class AdmissionReader implements ObjectReader {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  get(
    group: string,
    resource: string,
    namespace: string,
    name: string,
  ): KubeObject | undefined | Promise<KubeObject | undefined> {
    const { cache, identity } = this.#backing(group, resource)
    const key = identity.namespaced ? `${identity.keyPrefix}${namespace}/${name}` : identity.keyPrefix + name
    return cache.peek(key)?.object ?? cache.get(key).then(({ entry }) => entry?.object)
  }

  list(group: string, resource: string, namespace = ''): readonly KubeObject[] | Promise<readonly KubeObject[]> {
    const { cache, identity } = this.#backing(group, resource)
    const prefix = collectionPrefix(identity, namespace)
    const present = cache.peekAll(prefix)
    if (present) return objectsOf(present)
    return cache.list({ prefix, at: 'any' }).then(({ entries }) => objectsOf(entries))
  }

  #backing(group: string, resource: string): ResourceBacking {
    const backing = this.#registry.backing(group, resource)
    if (!backing) throw new Error(`admission looks for ${resource}.${group}, which is not stored`)
    return backing
  }
}
