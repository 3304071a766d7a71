import type { ResourceCatalog } from '../api/resource-catalog.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { Client, ListQuery, ResourceRef } from '../controllers/runtime/client.ts'
import { followObjects, keyFor, resourceOfKind } from './cluster-client.ts'
import type { Condition, ObjectOf, ObjectRef, ObjectsRef, WaitOptions } from './library-api.ts'
import { WaitTimeoutError } from './wait-timeout-error.ts'

const DEFAULT_WAIT_MS = 10_000

/** How the time passes that is waited for. */
export interface Patience {
  /** Calls back when so many milliseconds are over; the returned function calls it off. */
  start(ms: number, over: () => void): () => void
}

/** Waits for one object. Resolves with it; with its last state where it was to be deleted. */
export function waitForObject<V extends string, K extends string>(
  api: { readonly client: Client; readonly catalog: ResourceCatalog; readonly patience: Patience },
  ref: ObjectRef<V, K>,
  condition: Condition<ObjectOf<V, K>>,
  { timeout = DEFAULT_WAIT_MS }: WaitOptions = {},
): Promise<ObjectOf<V, K>> {
  if (!ref.metadata.name) throw new TypeError(`waitFor: the ${ref.kind} has no metadata.name`)
  const resource = resourceOfKind(api.catalog, ref.apiVersion, ref.kind) as ResourceRef<ObjectOf<V, K>>
  const { name, namespace } = keyFor(resource, ref.metadata.name, ref.metadata.namespace)
  const check = checkOf(condition)
  let last: ObjectOf<V, K> | undefined
  return follow(api, resource, { namespace, fieldSelector: `metadata.name=${name}` }, timeout, {
    look: (objects) => {
      const [object] = objects
      const isThere = check(object)
      const result = object ?? last
      last = object
      return isThere ? { result: result as ObjectOf<V, K> } : undefined
    },
    failure: (objects) => {
      const what = `${ref.kind} ${namespace === '' ? '' : `${namespace}/`}${name}`
      const wanted = typeof condition === 'function' ? 'be as wanted' : wordsOf(condition)
      return timeoutError(`${what} to ${wanted}`, timeout, objects[0])
    },
  })
}

/** Waits until a function is content with all objects of a kind. Resolves with them. */
export function waitForObjects<V extends string, K extends string>(
  api: { readonly client: Client; readonly catalog: ResourceCatalog; readonly patience: Patience },
  ref: ObjectsRef<V, K>,
  predicate: (objects: readonly ObjectOf<V, K>[]) => boolean,
  { timeout = DEFAULT_WAIT_MS }: WaitOptions = {},
): Promise<readonly ObjectOf<V, K>[]> {
  const { apiVersion, kind, ...query } = ref
  checkObjectsRef(query, predicate)
  const resource = resourceOfKind(api.catalog, apiVersion, kind) as ResourceRef<ObjectOf<V, K>>
  return follow(api, resource, query, timeout, {
    look: (objects) => (predicate(objects) ? { result: objects } : undefined),
    failure: (objects) => timeoutError(`${resource.resource} to be as wanted`, timeout, objects),
  })
}

const OBJECTS_REF_MEMBERS: readonly string[] = ['namespace', 'labelSelector', 'fieldSelector']

/** What would be left out of the question without a word. */
function checkObjectsRef(query: object, predicate: unknown): void {
  for (const member of Object.keys(query)) {
    if (member === 'name') throw new TypeError('waitFor: an object is named in its metadata: { metadata: { name } }')
    if (!OBJECTS_REF_MEMBERS.includes(member)) throw new TypeError(`waitFor: objects are not chosen by ${member}`)
  }
  if (typeof predicate !== 'function') throw new TypeError('waitFor: all objects of a kind are judged by a function')
}

interface Wanted<T extends KubeObject, R> {
  /** Undefined: not yet. */
  look(objects: readonly T[]): { readonly result: R } | undefined
  failure(objects: readonly T[]): Error
}

function follow<T extends KubeObject, R>(
  { client, patience }: { readonly client: Client; readonly patience: Patience },
  resource: ResourceRef<T>,
  query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>,
  timeoutMs: number,
  wanted: Wanted<T, R>,
): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    const objects = new Map<string, T>()
    let isOver = false
    const end = (settle: () => void): void => {
      if (isOver) return
      isOver = true
      calledOff()
      stop()
      settle()
    }
    let isListed = false
    const look = (): void => {
      if (isOver || !isListed) return
      try {
        const found = wanted.look([...objects.values()])
        if (found) end(() => resolve(found.result))
      } catch (error) {
        end(() => reject(error))
      }
    }
    let stop = (): void => {}
    const calledOff = patience.start(timeoutMs, () => end(() => reject(wanted.failure([...objects.values()]))))
    stop = followObjects(
      client,
      resource,
      query,
      ({ type, object }) => {
        const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`
        if (type === 'DELETED') objects.delete(key)
        else objects.set(key, object)
        look()
      },
      () => {
        isListed = true
        look()
      },
    )
    if (isOver) stop()
  })
}

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

function checkOf<T extends KubeObject>(condition: Condition<T>): (object: T | undefined) => boolean {
  if (typeof condition === 'function') return (object) => object !== undefined && condition(object)
  if (condition === 'exists') return (object) => object !== undefined
  if (condition === 'deleted') return (object) => object === undefined
  const { type, status } = conditionOf(condition)
  return (object) =>
    ((object as WithConditions | undefined)?.status?.conditions ?? []).some(
      (c) => c.type === type && c.status === status,
    )
}

function conditionOf(text: string): { readonly type: string; readonly status: string } {
  const at = text.indexOf('=')
  return at < 0 ? { type: text, status: 'True' } : { type: text.slice(0, at), status: text.slice(at + 1) }
}

function wordsOf(condition: string): string {
  if (condition === 'exists') return 'exist'
  if (condition === 'deleted') return 'be deleted'
  const { type, status } = conditionOf(condition)
  return `have condition ${type}=${status}`
}

/** Characters of objects that an error shows. */
const MAX_SHOWN = 4_000

function timeoutError(
  what: string,
  ms: number,
  last: KubeObject | readonly KubeObject[] | undefined,
): WaitTimeoutError {
  const text = last === undefined ? 'it does not exist' : `in the end: ${shown(last)}`
  return new WaitTimeoutError(`waited ${ms} ms in vain for ${what}; ${text}`, last)
}

function shown(last: KubeObject | readonly KubeObject[]): string {
  const text = JSON.stringify(last, (key, value) => (key === 'managedFields' ? undefined : value), 1)
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}
