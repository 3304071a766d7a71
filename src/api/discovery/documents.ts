import type { SubresourceFact } from '../../../openapi/data.ts'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Document } from '../representation.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'

/** `/api`: the versions of the core group. */
export function apiVersions(serverAddress: string): Document {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  }
}

/** `/apis`: every named group. */
export function apiGroupList(catalog: ResourceCatalog): Document {
  const groups = catalog.groups.filter((g) => g.name !== '').map((g) => groupMembers(g.name, g.versions))
  return { kind: 'APIGroupList', apiVersion: 'v1', groups }
}

/** `/apis/<group>`; undefined where the group is not served. */
export function apiGroup(catalog: ResourceCatalog, name: string): Document | undefined {
  const group = name === '' ? undefined : catalog.group(name)
  return group && { kind: 'APIGroup', apiVersion: 'v1', ...groupMembers(group.name, group.versions) }
}

function groupMembers(name: string, versions: readonly string[]): Document {
  const entries = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: entries, preferredVersion: entries[0] }
}

/** `/api/v1` or `/apis/<group>/<version>`; undefined where it is not served. */
export function apiResourceList(catalog: ResourceCatalog, group: string, version: string): Document | undefined {
  const resources = catalog.resourcesOf(group, version)
  if (!resources) return undefined
  return {
    kind: 'APIResourceList',
    // The core group's document is the one that upstream serves without an apiVersion.
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: resources.flatMap((r) => [
      resourceEntry(r),
      ...[...r.subresources.values()].map((s) => subresourceEntry(r, s)),
    ]),
  }
}

function resourceEntry({ fact }: ApiResource): Document {
  return {
    name: fact.resource,
    singularName: fact.singular,
    namespaced: fact.namespaced,
    kind: fact.kind,
    verbs: fact.verbs,
    ...(fact.shortNames.length > 0 ? { shortNames: fact.shortNames } : {}),
    ...(fact.categories.length > 0 ? { categories: fact.categories } : {}),
    ...(fact.storageVersionHash ? { storageVersionHash: fact.storageVersionHash } : {}),
  }
}

/** Group and version stand only where they differ from those of the list. */
function subresourceEntry({ fact }: ApiResource, sub: SubresourceFact): Document {
  const own = sub.group === fact.group && sub.version === fact.version
  return {
    name: `${fact.resource}/${sub.name}`,
    singularName: '',
    namespaced: fact.namespaced,
    ...(own ? {} : { group: sub.group, version: sub.version }),
    kind: sub.kind,
    verbs: sub.verbs,
  }
}

/** Aggregated discovery (apidiscovery.k8s.io/v2) of the core group or of all named ones. */
export function apiGroupDiscoveryList(catalog: ResourceCatalog, { core }: { readonly core: boolean }): Document {
  const groups = catalog.groups.filter((g) => (g.name === '') === core)
  const items = groups.map((g) => ({
    metadata: g.name === '' ? {} : { name: g.name },
    versions: g.versions.map((version) => ({
      version,
      resources: (catalog.resourcesOf(g.name, version) ?? []).map(resourceDiscovery),
      freshness: 'Current',
    })),
  }))
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items }
}

function resourceDiscovery({ fact, subresources }: ApiResource): Document {
  return {
    resource: fact.resource,
    responseKind: { group: '', version: '', kind: fact.kind },
    scope: fact.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: fact.singular,
    verbs: fact.verbs,
    ...(fact.shortNames.length > 0 ? { shortNames: fact.shortNames } : {}),
    ...(fact.categories.length > 0 ? { categories: fact.categories } : {}),
    ...(subresources.size > 0
      ? { subresources: [...subresources.values()].map((s) => subresourceDiscovery(fact, s)) }
      : {}),
  }
}

function subresourceDiscovery(fact: ApiResource['fact'], sub: SubresourceFact): Document {
  const own = sub.group === fact.group && sub.version === fact.version
  return {
    subresource: sub.name,
    responseKind: own
      ? { group: '', version: '', kind: sub.kind }
      : { group: sub.group, version: sub.version, kind: sub.kind },
    verbs: sub.verbs,
  }
}
