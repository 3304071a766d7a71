import type { ObjectReader } from '../admission/object-reader.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { Registry, ResourceBacking } from '../registry/generic/registry.ts'
import { collectionPrefix } from '../registry/generic/resource-identity.ts'

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

  async list(group: string, resource: string, namespace = ''): Promise<readonly KubeObject[]> {
    const { cache, identity } = this.#backing(group, resource)
    const { entries } = await cache.list({ prefix: collectionPrefix(identity, namespace), at: 'any' })
    return entries.map(({ object }) => object)
  }

  #backing(group: string, resource: string): ResourceBacking {
    const backing = this.#registry.backing(group, resource)
    if (!backing) throw new Error(`admission looks for ${resource}.${group}, which is not stored`)
    return backing
  }
}
