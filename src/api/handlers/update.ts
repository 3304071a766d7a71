import { conflict, internalError } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { checkName, dedupOwnerReferences, ensureNamespace } from '../../registry/generic/object-metadata.ts'
import type { UpdateOutcome, UpdateRequest } from '../../registry/generic/resource-store.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { managerOf } from '../field-manager-name.ts'
import { attributesOf, forbiddenError } from '../filters/authorization.ts'
import { optionsObject, parseWriteOptions, type WriteOptions } from '../write-options.ts'
import { decodeTyped } from './body.ts'
import type { Endpoint } from './endpoint.ts'
import { admissionAttributes, type HandlerServices } from './services.ts'

/**
 * UPDATE of a stored resource or of one of its subresources.
 *
 * @see apiserver pkg/endpoints/handlers/update.go
 */
export async function update(call: Call, endpoint: Endpoint, services: HandlerServices): Promise<UpdateOutcome> {
  const options = parseWriteOptions(call.query, 'UpdateOptions')
  return await updateDecoded(call, endpoint, services, options, () => {
    const served = decodeTyped(call, endpoint, options)
    const object = endpoint.defaulted(served)
    call.audit?.requestObject(served)
    return object
  })
}

/**
 * The same where the object comes otherwise than in the body. `decoded` makes it anew for each attempt, in the endpoint's
 * form with its defaults: attempts are few, and a copy for the case of another would be made by every update.
 */
export async function updateDecoded(
  call: Call,
  endpoint: Endpoint,
  services: HandlerServices,
  options: WriteOptions,
  decoded: () => KubeObject,
): Promise<UpdateOutcome> {
  const { store, identity } = endpoint.resource.backing!
  const { name, namespace } = call.info
  const prepared = (): KubeObject => {
    const object = decoded()
    ensureNamespace(object, identity.namespaced ? namespace : '')
    checkName(object, name, namespace)
    dedupOwnerReferences(object, (text) => call.warn(text), { afterMutatingAdmission: false })
    return object
  }
  let first: KubeObject | undefined = prepared()
  call.trace?.mark('decode')
  const uid = first.metadata.uid
  const manager = managerOf(call, options)
  const request = admittedUpdate(call, endpoint, services, 'UpdateOptions', options, (existing) => {
    const object = first ?? prepared()
    first = undefined
    return endpoint.fieldManager.update(existing, object, manager)
  })
  return await store.update(call.context({ dryRun: options.dryRun }), name, {
    ...request,
    ...(uid ? { preconditions: { uid } } : {}),
  })
}

/**
 * An update whose new object comes from `change`, passed through the mutating and the validating admission as a create
 * or an update, whichever it turns out to be. `change` works on the endpoint's objects.
 */
export function admittedUpdate(
  call: Call,
  endpoint: Endpoint,
  services: HandlerServices,
  kind: 'UpdateOptions' | 'PatchOptions',
  options: WriteOptions,
  change: (existing: KubeObject | undefined) => KubeObject,
): UpdateRequest {
  const { name, namespace } = call.info
  const { resource, subresource, strategy } = endpoint
  const { identity } = resource.backing!
  const { admission } = services
  const { trace } = call
  const attributes = (object: KubeObject, oldObject: KubeObject | undefined) =>
    admissionAttributes(call, resource, {
      operation: oldObject ? 'UPDATE' : 'CREATE',
      subresource,
      namespace: identity.group === '' && identity.resource === 'namespaces' ? name : namespace,
      name,
      object,
      ...(oldObject ? { oldObject } : {}),
      // A patch reaches admission as the update that it amounts to.
      options: optionsObject(oldObject ? 'UpdateOptions' : 'CreateOptions', options, call.query),
      dryRun: options.dryRun,
    })
  return {
    ...(strategy ? { strategy } : {}),
    updatedObject: async (stored) => {
      const existing = stored && endpoint.open(stored)
      const object = change(existing)
      if (!existing && object.metadata.uid && kind === 'PatchOptions')
        throw uidMismatch(resource, name, object.metadata.uid)
      trace?.mark('fieldManager')
      await admission.admit(attributes(object, existing))
      trace?.mark('mutatingAdmission')
      dedupOwnerReferences(object, (text) => call.warn(text), { afterMutatingAdmission: true })
      return endpoint.close(object, stored)
    },
    validateCreate: async (object) => {
      await authorizeCreate(call, services)
      trace?.mark('validation')
      await admission.validate(attributes(object, undefined))
      trace?.mark('validatingAdmission')
    },
    validateUpdate: async (object, old) => {
      trace?.mark('validation')
      await admission.validate(attributes(endpoint.reviewed(object), endpoint.reviewed(old)))
      trace?.mark('validatingAdmission')
    },
  }
}

function uidMismatch(resource: ApiResource, name: string, uid: string): Error {
  const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
  return conflict(resource.gvr, name, why)
}

/** A PUT or an apply that creates needs the right to create. */
async function authorizeCreate(call: Call, { authorizer }: HandlerServices): Promise<void> {
  const attributes = { ...attributesOf(call), verb: 'create' }
  const { decision, reason, error } = await authorizer.authorize(attributes)
  if (decision === 'allow') return
  if (error !== undefined) throw internalError(error)
  throw forbiddenError(attributes, reason)
}
