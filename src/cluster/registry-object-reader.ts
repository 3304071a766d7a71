import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { ObjectReader } from '../auth/object-reader.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { objectKey } from '../registry/generic/resource-identity.ts'

/** Reads from the caches of a registry; what is not there is looked for once more in the latest state of the store. */
export function registryObjectReader(registry: Registry): ObjectReader {
  return {
    read(resource, namespace, name) {
      const { cache, identity } = registry.backing('', resource)!
      if (name === '' || name.includes('/') || namespace.includes('/')) return undefined
      const key = objectKey(identity, namespace, name)
      return cache.peek(key)?.object ?? latest(cache, key)
    },
  }
}

async function latest(
  cache: { get(key: string): Promise<{ readonly entry: { readonly object: KubeObject } | undefined }> },
  key: string,
): Promise<KubeObject | undefined> {
  return (await cache.get(key)).entry?.object
}
