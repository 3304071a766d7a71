import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { dedupOwnerReferences, ensureNamespace, wipeSystemFields } from '../../registry/generic/object-metadata.ts'
import type { StoredObject } from '../../registry/generic/stored-object.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { managerOf } from '../field-manager-name.ts'
import { bodyFormat } from '../request-body.ts'
import { optionsObject, parseWriteOptions, type WriteOptions } from '../write-options.ts'
import { decodeRequestObject } from './body.ts'
import { admissionAttributes, type HandlerServices } from './services.ts'

/**
 * CREATE of a stored resource.
 *
 * @see apiserver pkg/endpoints/handlers/create.go
 */
export async function create(call: Call, resource: ApiResource, services: HandlerServices): Promise<StoredObject> {
  bodyFormat(call.contentType)
  const options = parseWriteOptions(call.query, 'CreateOptions')
  return await createDecoded(call, resource, services, options, decodeRequestObject(call, resource, options))
}

/** The same once the object is decoded, in the hub version with its defaults; it belongs to the store from here on. */
export async function createDecoded(
  call: Call,
  resource: ApiResource,
  services: HandlerServices,
  options: WriteOptions,
  object: KubeObject,
): Promise<StoredObject> {
  const { store, identity } = resource.backing!
  const isNamespace = identity.group === '' && identity.resource === 'namespaces'
  // A namespace lives in itself, as far as admission and authorization are concerned.
  const namespace = isNamespace ? (object.metadata.name ?? '') : call.info.namespace
  wipeSystemFields(object)
  ensureNamespace(object, identity.namespaced ? namespace : '')
  const warn = (text: string): void => call.warn(text)
  dedupOwnerReferences(object, warn, { afterMutatingAdmission: false })
  const { trace } = call
  trace?.mark('decode')
  object = resource.fieldManager('').update(undefined, object, managerOf(call, options))
  trace?.mark('fieldManager')
  const attributes = (obj: KubeObject) =>
    admissionAttributes(call, resource, {
      operation: 'CREATE',
      subresource: '',
      namespace,
      name: obj.metadata.name ?? '',
      object: obj,
      options: optionsObject('CreateOptions', options, call.query),
      dryRun: options.dryRun,
    })
  await services.admission.admit(attributes(object))
  trace?.mark('mutatingAdmission')
  dedupOwnerReferences(object, warn, { afterMutatingAdmission: true })
  return await store.create(call.context({ dryRun: options.dryRun }), object, async (final) => {
    trace?.mark('validation')
    await services.admission.validate(attributes(final))
    trace?.mark('validatingAdmission')
  })
}
