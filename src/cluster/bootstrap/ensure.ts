import { updateRuleOf } from '../../../openapi/data.ts'
import { cloneJson, equalJson } from '../../apimachinery/clone.ts'
import { FieldManager } from '../../apimachinery/field-manager/field-manager.ts'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Registry, ResourceBacking } from '../../registry/generic/registry.ts'
import type { RequestContext } from '../../registry/generic/request-context.ts'
import type { ResourceStore } from '../../registry/generic/resource-store.ts'
import type { StoredObject } from '../../registry/generic/stored-object.ts'
import { type Birth, initialObjects } from './initial-objects.ts'

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
  const backing = registry.backing(group, resource)!
  return await ensure(backing, object, async (context) => {
    await create(registry, backing, context, object)
  })
}

/** The same for an object that every cluster begins with, and that says the same in each. */
export async function ensureInitialObject(
  registry: Registry,
  group: string,
  resource: string,
  object: KubeObject,
): Promise<boolean> {
  const backing = registry.backing(group, resource)!
  const { store, codec } = backing
  return await ensure(backing, object, async (context) => {
    const encoded = (birth: Birth): Buffer | undefined => initialObjects.encoded(object, birth)
    if (await store.createEncoded(context, object.metadata.name!, encoded)) return
    const { object: made } = await create(registry, backing, context, object)
    const { uid = '', creationTimestamp: time = '' } = made.metadata
    initialObjects.remember(object, codec.encode(made), { uid, time })
  })
}

async function create(
  registry: Registry,
  backing: ResourceBacking,
  context: RequestContext,
  object: KubeObject,
): Promise<StoredObject> {
  const own = cloneJson(object)
  backing.entry.defaults?.(own)
  return await backing.store.create(context, fieldManagerOf(registry, backing).update(undefined, own, MANAGER))
}

async function ensure(
  { store }: ResourceBacking,
  { metadata: { namespace = '', name = '' } }: KubeObject,
  make: (context: RequestContext) => Promise<void>,
): Promise<boolean> {
  const context = systemContext(namespace)
  // A create would first take what the object already has: the address of a service, for one.
  if (await exists(store, context, name)) return false
  try {
    await make(context)
    return true
  } catch (error) {
    // Another server on the same store was faster.
    if (await exists(store, context, name)) return false
    throw error
  }
}

/**
 * Makes an object what it is wanted to be, of what it is (undefined: not there); writes nothing where it is that already.
 * Errors: those of the store, for one that another server has written meanwhile as well.
 */
export async function bringTo(
  registry: Registry,
  group: string,
  resource: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  wanted: (current: KubeObject | undefined) => KubeObject,
): Promise<void> {
  const backing = registry.backing(group, resource)!
  const context = systemContext(namespace)
  if (!(await exists(backing.store, context, name))) {
    await ensureObject(registry, group, resource, wanted(undefined))
    return
  }
  await backing.store.update(context, name, {
    updatedObject: (existing) => {
      const next = cloneJson(wanted(existing))
      return equalJson(next, existing) ? existing! : fieldManagerOf(registry, backing).update(existing, next, MANAGER)
    },
  })
}

async function exists(store: ResourceStore, context: RequestContext, name: string): Promise<boolean> {
  return (await store.find(context, name)) !== undefined
}

/** Who owns the fields of what the server makes. */
const MANAGER = 'kube-apiserver'

const fieldManagers = new WeakMap<ResourceBacking, FieldManager>()

function fieldManagerOf({ clock }: Registry, backing: ResourceBacking): FieldManager {
  const known = fieldManagers.get(backing)
  if (known) return known
  const { node, identity } = backing
  const { group, resource, kind, hubVersion } = identity
  const manager = new FieldManager({
    node,
    apiVersion: apiVersionOf({ group, version: hubVersion }),
    kind,
    subresource: '',
    resetFields: updateRuleOf(group, resource)?.resetFields?.['main'] ?? [],
    clock,
  })
  fieldManagers.set(backing, manager)
  return manager
}
