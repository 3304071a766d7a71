import type { GroupVersionKind, GroupVersionResource } from '../../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'

/** A resource under which the same objects are served, and what kind they have there. */
export interface EquivalentResource {
  readonly resource: GroupVersionResource
  readonly kind: GroupVersionKind
}

/**
 * The versions of a resource. `resource` is that of the request.
 *
 * @see apimachinery pkg/runtime/mapper.go
 */
export interface VersionedObjects {
  /** All places where the objects are served, that of the request included, in the order of discovery. */
  equivalents(resource: GroupVersionResource, subresource: string): readonly EquivalentResource[]
  /** The object of the hub version in another one, as clients of it see it. Not to be written to. */
  toVersion(object: KubeObject, resource: GroupVersionResource, kind: GroupVersionKind): KubeObject
  /**
   * The hub object of JSON in the version of `kind`: decoded, defaulted, and its own.
   *
   * @throws {DecodeError} for what does not fit the schema
   */
  fromVersion(document: JsonObject, resource: GroupVersionResource, kind: GroupVersionKind): KubeObject
  /** Brings an object that plugins have changed into its normal form. */
  normalize(object: KubeObject, resource: GroupVersionResource): void
}
