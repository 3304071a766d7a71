import { isAlreadyExists } from '../../apimachinery/api-error.ts'
import { cloneJson } from '../../apimachinery/clone.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { RequestContext } from '../../registry/generic/request-context.ts'

/** The server acting on its own. */
export function systemContext(namespace = ''): RequestContext {
  return { user: undefined, namespace, dryRun: false, warn: () => {} }
}

/** Creates an object unless it is there; true where it was created. */
export async function ensureObject(
  registry: Registry,
  group: string,
  resource: string,
  object: KubeObject,
): Promise<boolean> {
  const { store, entry } = registry.backing(group, resource)!
  const own = cloneJson(object)
  entry.defaults?.(own)
  try {
    await store.create(systemContext(object.metadata.namespace), own)
    return true
  } catch (error) {
    if (isAlreadyExists(error)) return false
    throw error
  }
}
