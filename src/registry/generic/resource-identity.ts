import { badRequest } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { GroupResource } from '../../apimachinery/group-version.ts'
import { isPathSegmentName } from '../../apimachinery/validation/names.ts'

/** What the generic store must know of a resource besides its entry: taken from the facts of discovery. */
export interface ResourceIdentity extends GroupResource {
  readonly kind: string
  readonly hubVersion: string
  readonly namespaced: boolean
  /** Key prefix with a closing slash: `/registry/pods/`, `/registry/services/specs/`. */
  readonly keyPrefix: string
  /** What all keys of the store begin with: `/registry`. */
  readonly storePrefix: string
  /** PUT of a missing object creates it. */
  readonly allowCreateOnUpdate: boolean
  /** PUT without a resourceVersion is accepted. */
  readonly allowUnconditionalUpdate: boolean
}

/** Key of one object. Errors: 400 for a name that could not stand in a path. */
export function objectKey(identity: ResourceIdentity, namespace: string, name: string): string {
  const errors = isPathSegmentName(name)
  if (errors.length > 0) throw badRequest(`Name parameter invalid: ${goQuote(name)}: ${errors.join(';')}`)
  return identity.namespaced ? `${identity.keyPrefix}${namespace}/${name}` : identity.keyPrefix + name
}

/** Prefix of the keys of a namespace ('' for all of the resource). */
export function collectionPrefix(identity: ResourceIdentity, namespace: string): string {
  return identity.namespaced && namespace !== '' ? `${identity.keyPrefix}${namespace}/` : identity.keyPrefix
}
