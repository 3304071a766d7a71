/** An API group and version; `group` is '' for the core group. */
interface GroupVersion {
  readonly group: string
  readonly version: string
}

/** GVK: what an object is. */
export interface GroupVersionKind extends GroupVersion {
  readonly kind: string
}

/** GVR: where objects are served. */
export interface GroupVersionResource extends GroupVersion {
  readonly resource: string
}

export interface GroupResource {
  readonly group: string
  readonly resource: string
}

export interface GroupKind {
  readonly group: string
  readonly kind: string
}

/** `v1` or `apps/v1`: the apiVersion of objects of that group and version. */
export function apiVersionOf({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`
}

/** Splits an apiVersion; undefined where it has more than one slash. */
export function parseApiVersion(apiVersion: string): GroupVersion | undefined {
  const parts = apiVersion.split('/')
  if (parts.length === 1) return { group: '', version: parts[0]! }
  return parts.length === 2 ? { group: parts[0]!, version: parts[1]! } : undefined
}

/** `pods` or `deployments.apps`: how messages name a resource. */
export function qualifiedResource({ group, resource }: GroupResource): string {
  return group === '' ? resource : `${resource}.${group}`
}

/** `Pod` or `Deployment.apps`: how messages name a kind. */
export function qualifiedKind({ group, kind }: GroupKind): string {
  return group === '' ? kind : `${kind}.${group}`
}
