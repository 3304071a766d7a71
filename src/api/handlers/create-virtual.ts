import type { GroupVersionKind } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { definitionOf, typeOf } from '../../apimachinery/schema/builtin-types.ts'
import { ensureNamespace, wipeSystemFields } from '../../registry/generic/object-metadata.ts'
import type { ApiResource, VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { managerOf } from '../field-manager-name.ts'
import { optionsObject, parseWriteOptions } from '../write-options.ts'
import { decodeTyped } from './body.ts'
import { admissionAttributes, type HandlerServices } from './services.ts'

/**
 * CREATE of what is not stored: reviews, bindings, evictions, token requests. The kind is that of the subresource, or
 * of the resource itself.
 */
export async function createVirtual(
  call: Call,
  resource: ApiResource,
  handlers: VirtualHandlers,
  services: HandlerServices,
): Promise<{ readonly object: KubeObject; readonly status: number }> {
  const { name, namespace, subresource } = call.info
  const options = parseWriteOptions(call.query, 'CreateOptions')
  const gvk = kindOf(resource, subresource)
  const expected = { gvk, node: typeOf(definitionOf(gvk)!), internalType: internalTypeOf(gvk), ...accepted(handlers) }
  const decoded = decodeTyped(call, expected, options)
  handlers.defaults?.(decoded)
  call.audit?.requestObject(decoded)
  if (!handlers.keepsSystemFields) wipeSystemFields(decoded)
  ensureNamespace(decoded, resource.fact.namespaced ? namespace : '')
  // Admission and, where the body is answered, clients see its fields as owned, though nothing is stored.
  const body = resource.fieldManager(subresource).update(undefined, decoded, managerOf(call, options))
  const attributes = admissionAttributes(call, resource, {
    operation: 'CREATE',
    subresource,
    namespace,
    name: name === '' ? (body.metadata.name ?? '') : name,
    object: body,
    options: optionsObject('CreateOptions', options, call.query),
    dryRun: options.dryRun,
  })
  const { trace } = call
  trace?.mark('decode')
  await services.admission.admit(attributes)
  trace?.mark('mutatingAdmission')
  const validate = async (): Promise<void> => {
    trace?.mark('validation')
    await services.admission.validate(attributes)
    trace?.mark('validatingAdmission')
  }
  const object = await handlers.create!(call, { name, namespace, body, dryRun: options.dryRun, validate })
  const isStatus = object.kind === 'Status'
  const code = isStatus && typeof object['code'] === 'number' ? object['code'] : 201
  return { object: isStatus ? { ...object, code } : object, status: 201 }
}

function kindOf(resource: ApiResource, subresource: string): GroupVersionKind {
  const fact = subresource === '' ? undefined : resource.subresources.get(subresource)
  return fact ? { group: fact.group, version: fact.version, kind: fact.kind } : resource.gvk
}

const internalTypeOf = ({ group, kind }: GroupVersionKind): string =>
  `${group === '' ? 'core' : group.split('.')[0]}.${kind}`

const accepted = ({ acceptedVersions }: VirtualHandlers) => (acceptedVersions ? { acceptedVersions } : {})
