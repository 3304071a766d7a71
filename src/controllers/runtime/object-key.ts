import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ObjectKey } from './client.ts'

/** Where an object is. */
export function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
}

/** `namespace/name`, or the name alone of a cluster-scoped object: how upstream's caches and logs write keys. */
export function keyText({ namespace, name }: ObjectKey): string {
  return namespace === '' ? name : `${namespace}/${name}`
}

export function parseKey(text: string): ObjectKey {
  const at = text.indexOf('/')
  return at < 0 ? { namespace: '', name: text } : { namespace: text.slice(0, at), name: text.slice(at + 1) }
}
