import type { ResourceCatalog } from '../api/resource-catalog.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../apimachinery/kube-object.ts'
import { parseYaml } from '../apimachinery/schema/yaml-text.ts'
import type { Client, ResourceRef } from '../controllers/runtime/client.ts'
import { APPLY_DEFAULTS, findResource, keyFor } from './cluster-client.ts'
import type { ApplyOptions, Manifests } from './library-api.ts'

/** What objects of other manifests need first: definitions and namespaces before all else. */
const FIRST: readonly string[] = ['CustomResourceDefinition', 'Namespace']

/** How often is looked whether a new kind is served, and how often at most. */
const SERVED_CHECK_MS = 10
const SERVED_CHECKS = 1_000

/**
 * Server-side apply of manifests: definitions of resources and namespaces first, then the rest in its order. Nothing is
 * written where one of them can't be read. Resolves with the objects as they are then, in the order of the manifests.
 * Errors: an Error that says which object failed, with the `ApiError` as its cause; those before it stay applied.
 */
export async function applyManifests(
  client: Client,
  catalog: ResourceCatalog,
  manifests: Manifests,
  options: ApplyOptions = {},
): Promise<KubeObject[]> {
  const objects = readManifests(manifests)
  const defined = new Set(objects.flatMap(definedKinds))
  for (const object of objects) {
    if (!defined.has(kindKey(object)) && !findResource(catalog, object.apiVersion, object.kind))
      throw noSuchKind(object)
  }
  const applied = new Map<KubeObject, KubeObject>()
  for (const object of inOrder(objects)) applied.set(object, await applyOne(client, catalog, object, options))
  return objects.map((object) => applied.get(object)!)
}

/** The objects of manifests. Throws where one is none. */
function readManifests(manifests: Manifests): KubeObject[] {
  const values = (Array.isArray(manifests) ? manifests : [manifests]).flatMap((given: unknown) =>
    typeof given === 'string' ? documentsOf(given) : [given],
  )
  return values.flatMap((value, i) => objectsOf(value, `document ${i + 1}`))
}

/** The documents of a YAML text as JSON values; what is between two markers with nothing in it is none. */
function documentsOf(text: string): unknown[] {
  if (text.trimStart().startsWith('{')) return [JSON.parse(text)]
  return text
    .split(/^(?=---(?:\s|$))/m)
    .map((document, i) => {
      try {
        const { value, strictErrors } = parseYaml(document)
        if (strictErrors.length > 0) throw new Error(strictErrors[0])
        return value
      } catch (error) {
        throw new Error(`document ${i + 1}: ${(error as Error).message}`, { cause: error })
      }
    })
    .filter((value) => value !== null)
}

function objectsOf(value: unknown, where: string): KubeObject[] {
  if (!isJsonObject(value)) throw new Error(`${where} is no object`)
  const { apiVersion, kind, items, metadata } = value
  if (typeof apiVersion !== 'string' || apiVersion === '') throw new Error(`${where}: apiVersion not set`)
  if (typeof kind !== 'string' || kind === '') throw new Error(`${where}: kind not set`)
  if (kind.endsWith('List') && Array.isArray(items))
    return items.flatMap((item, i) => objectsOf(itemOf(item, apiVersion, kind), `${where}, item ${i + 1}`))
  if (!isJsonObject(metadata)) throw new Error(`${where}: ${kind} without metadata`)
  const { name, generateName } = metadata
  if (typeof name !== 'string' && typeof generateName !== 'string')
    throw new Error(`${where}: ${kind} without metadata.name`)
  return [value as unknown as KubeObject]
}

/** Items of a typed list say nothing about their kind. */
function itemOf(item: unknown, apiVersion: string, listKind: string): unknown {
  if (!isJsonObject(item) || listKind === 'List') return item
  return { apiVersion, kind: listKind.slice(0, -'List'.length), ...item }
}

function inOrder(objects: readonly KubeObject[]): KubeObject[] {
  const rank = ({ kind }: KubeObject): number => {
    const at = FIRST.indexOf(kind)
    return at < 0 ? FIRST.length : at
  }
  return objects.toSorted((a, b) => rank(a) - rank(b))
}

const kindKey = ({ apiVersion, kind }: { apiVersion: string; kind: string }): string => `${apiVersion} ${kind}`

/** Kinds that a CustomResourceDefinition makes known. */
function definedKinds({ kind, spec }: KubeObject): string[] {
  if (kind !== 'CustomResourceDefinition' || !isJsonObject(spec)) return []
  const { group, names, versions } = spec as { group?: string; names?: JsonObject; versions?: JsonObject[] }
  if (!isJsonObject(names) || !Array.isArray(versions)) return []
  return versions.map((v) => kindKey({ apiVersion: `${group}/${String(v['name'])}`, kind: String(names['kind']) }))
}

async function applyOne(
  client: Client,
  catalog: ResourceCatalog,
  object: KubeObject,
  { namespace, ...options }: ApplyOptions,
): Promise<KubeObject> {
  try {
    const ref = await servedResource(catalog, object)
    const { name, namespace: own } = object.metadata
    const key = keyFor(ref, name ?? '', own ?? namespace)
    const metadata = ref.namespaced ? { ...object.metadata, namespace: key.namespace } : object.metadata
    // An object whose name the server is to make up can only be created.
    if (!name)
      return await client.create(
        ref,
        { ...object, metadata },
        { fieldManager: APPLY_DEFAULTS.fieldManager, ...options },
      )
    return await client.patch(ref, key, 'apply', { ...object, metadata }, { ...APPLY_DEFAULTS, ...options })
  } catch (error) {
    const { kind, metadata } = object
    const what = `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name ?? metadata.generateName}`
    throw new Error(`could not apply ${what}: ${(error as Error).message}`, { cause: error })
  }
}

/** Waits for a kind that has just been defined. */
async function servedResource(catalog: ResourceCatalog, object: KubeObject): Promise<ResourceRef> {
  for (let i = 0; ; i++) {
    const ref = findResource(catalog, object.apiVersion, object.kind)
    if (ref) return ref
    if (i === SERVED_CHECKS) throw noSuchKind(object)
    await new Promise((resolve) => {
      setTimeout(resolve, SERVED_CHECK_MS)
    })
  }
}

function noSuchKind({ apiVersion, kind }: KubeObject): Error {
  return new Error(`no matches for kind "${kind}" in version "${apiVersion}"`)
}
