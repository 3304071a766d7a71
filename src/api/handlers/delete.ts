import { badRequest, isNotFound } from '../../apimachinery/api-error.ts'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
import { decodeProtobuf } from '../../apimachinery/protobuf/decode.ts'
import { typeOf } from '../../apimachinery/schema/builtin-types.ts'
import { decode } from '../../apimachinery/schema/decode.ts'
import { DecodeError } from '../../apimachinery/schema/json-text.ts'
import { parseYamlExact } from '../../apimachinery/schema/yaml-text.ts'
import type { ObjectEntry } from '../../registry/generic/registry.ts'
import type { DeleteOutcome, ValidateCreate } from '../../registry/generic/resource-store.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { type ListOptions, parseListOptions } from '../list-options.ts'
import { bodyFormat, kindOf, parseJsonBody } from '../request-body.ts'
import { fieldLabelConverter } from '../selection.ts'
import { type DeleteRequestOptions, deleteOptionsOf, deleteOptionsOfQuery } from '../write-options.ts'
import { bodyOf } from './body.ts'
import { type Page, selectPage } from './list.ts'
import { admissionAttributes, type HandlerServices } from './services.ts'

const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'
const DELETE_OPTIONS_GVK = { group: 'meta.k8s.io', version: 'v1', kind: 'DeleteOptions' }

/** DELETE of one object. */
export async function remove(
  call: Call,
  resource: ApiResource,
  services: HandlerServices,
): Promise<DeleteOutcome & { readonly options: DeleteRequestOptions }> {
  const options = readDeleteOptions(call)
  const { store } = resource.backing!
  const validate = deleteValidation(call, resource, services, options, call.info.name)
  const outcome = await store.delete(call.context({ dryRun: options.dryRun }), call.info.name, options, validate)
  return { ...outcome, options }
}

/** Objects of a collection that are looked up at once, where the client names no limit. */
const PAGE_SIZE = 10_000

/**
 * DELETE of a collection: every object that the list options choose, page by page; answers with the list of them. A
 * limit of the client's ends it behind one page.
 *
 * @see apiserver pkg/registry/generic/registry/store.go DeleteCollection
 */
export async function removeCollection(call: Call, resource: ApiResource, services: HandlerServices): Promise<Page> {
  const backing = resource.backing!
  const selection = parseListOptions(call.query, fieldLabelConverter(resource))
  const options = readDeleteOptions(call)
  const nextPage = async (change: Partial<ListOptions>): Promise<Page> => {
    const page = await selectPage(call, backing, { ...selection, limit: selection.limit || PAGE_SIZE, ...change })
    await removeEntries(call, resource, services, options, page.entries)
    return page
  }
  const first = await nextPage({})
  if (selection.limit > 0) return first
  const entries = [...first.entries]
  let token = first.metadata.continue
  while (token !== undefined) {
    const page = await nextPage({ continue: token, resourceVersion: '', resourceVersionMatch: '' })
    entries.push(...page.entries)
    token = page.metadata.continue
  }
  return { entries, metadata: first.metadata }
}

async function removeEntries(
  call: Call,
  resource: ApiResource,
  services: HandlerServices,
  options: DeleteRequestOptions,
  entries: readonly ObjectEntry[],
): Promise<void> {
  const { store } = resource.backing!
  for (const { object } of entries) {
    const { name = '', namespace = '' } = object.metadata
    const context = call.context({ dryRun: options.dryRun, namespace })
    const validate = deleteValidation(call, resource, services, options, '')
    await store.delete(context, name, options, validate).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}

function deleteValidation(
  call: Call,
  resource: ApiResource,
  { admission }: HandlerServices,
  options: DeleteRequestOptions,
  name: string,
): ValidateCreate {
  const { identity } = resource.backing!
  const isNamespace = identity.group === '' && identity.resource === 'namespaces'
  return async (old: KubeObject) => {
    const attributes = admissionAttributes(call, resource, {
      operation: 'DELETE',
      subresource: '',
      namespace: isNamespace ? (old.metadata.name ?? '') : (old.metadata.namespace ?? call.info.namespace),
      name,
      oldObject: old,
      options: options.object,
      dryRun: options.dryRun,
    })
    call.trace?.mark('decode')
    await admission.admit(attributes)
    call.trace?.mark('mutatingAdmission')
    await admission.validate(attributes)
    call.trace?.mark('validatingAdmission')
  }
}

/** Delete options of the body, or of the query where there is none. Errors: 400, 415, 422. */
export function readDeleteOptions(call: Call): DeleteRequestOptions {
  const body = bodyOf(call)
  if (body.length === 0) return deleteOptionsOf(deleteOptionsOfQuery(call.query))
  const options = decodeDeleteOptions(call, body)
  const apiVersion = apiVersionOf(DELETE_OPTIONS_GVK)
  call.audit?.requestObject({ kind: 'DeleteOptions', apiVersion, metadata: {}, ...options })
  return deleteOptionsOf(options)
}

function decodeDeleteOptions(call: Call, body: Buffer): JsonObject {
  const format = bodyFormat(call.contentType)
  try {
    if (format === 'protobuf') return decodeProtobuf(body, DELETE_OPTIONS_GVK).object
    const value = format === 'yaml' ? parseYamlExact(body) : parseJsonBody(body)
    const { group, version, kind } = kindOf(value, DELETE_OPTIONS_GVK)
    if (kind !== 'DeleteOptions') {
      const why = `no kind "${kind}" is registered for version "${apiVersionOf({ group, version })}" in scheme "pkg/apis/meta/internalversion/scheme/register.go:27"`
      throw badRequest(why)
    }
    return decode(value ?? {}, typeOf(DELETE_OPTIONS)).object
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message)
    throw error
  }
}
