import { badRequest, invalid as invalidObject, notFound, unsupportedMediaType } from '../../apimachinery/api-error.ts'
import { cloneJson } from '../../apimachinery/clone.ts'
import { invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../../apimachinery/kube-object.ts'
import { goFormat } from '../../apimachinery/patch/go-format.ts'
import { applyJsonPatch, decodeJsonPatch } from '../../apimachinery/patch/json-patch.ts'
import { applyMergePatch } from '../../apimachinery/patch/merge-patch.ts'
import { applyStrategicMergePatch } from '../../apimachinery/patch/strategic-merge-patch.ts'
import { type Decoded, decode, decodeOver } from '../../apimachinery/schema/decode.ts'
import { fromUnstructured } from '../../apimachinery/schema/from-unstructured.ts'
import { DecodeError, type ParsedJson, parseJson } from '../../apimachinery/schema/json-text.ts'
import type { StructNode } from '../../apimachinery/schema/schema-node.ts'
import { parseYaml } from '../../apimachinery/schema/yaml-text.ts'
import { checkName, ensureNamespace } from '../../registry/generic/object-metadata.ts'
import type { UpdateOutcome } from '../../registry/generic/resource-store.ts'
import type { Call } from '../call.ts'
import { managerOf } from '../field-manager-name.ts'
import { kindMismatch, kindOf } from '../request-body.ts'
import { parseWriteOptions, type WriteOptions } from '../write-options.ts'
import { bodyOf, strictDecodingError, warnOfStrictErrors } from './body.ts'
import type { Endpoint } from './endpoint.ts'
import type { HandlerServices } from './services.ts'
import { admittedUpdate } from './update.ts'

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

const PATCH_TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

/** Errors: 415. */
export function patchTypeOf(contentType: string | undefined): PatchType {
  const name = (contentType ?? '').split(';')[0]!.trim()
  const type = Object.hasOwn(PATCH_TYPES, name) ? PATCH_TYPES[name] : undefined
  if (type) return type
  throw unsupportedMediaType('415: Unsupported Media Type', {})
}

/**
 * PATCH of a stored resource or of a subresource that takes the same kind.
 *
 * @see apiserver pkg/endpoints/handlers/patch.go
 */
export async function patch(call: Call, endpoint: Endpoint, services: HandlerServices): Promise<UpdateOutcome> {
  const type = patchTypeOf(call.contentType)
  const options = parseWriteOptions(call.query, 'PatchOptions', { apply: type === 'apply' })
  const { store, identity } = endpoint.resource.backing!
  const { name, namespace } = call.info
  const body = bodyOf(call)
  call.audit?.requestPatch(body, call.contentType ?? '')
  const change =
    type === 'apply' ? applyChange(call, endpoint, body, options) : patchChange(call, endpoint, body, type, options)
  const request = admittedUpdate(call, endpoint, services, 'PatchOptions', options, (existing) => {
    const object = change(existing)
    ensureNamespace(object, identity.namespaced ? namespace : '')
    checkName(object, name, namespace)
    return object
  })
  return await store.update(call.context({ dryRun: options.dryRun }), name, {
    ...request,
    forceAllowCreate: type === 'apply' && endpoint.subresource === '',
  })
}

type Change = (existing: KubeObject | undefined) => KubeObject

/** Server-side apply: the field manager merges what the client applies into what there is. */
function applyChange(call: Call, endpoint: Endpoint, body: Buffer, options: WriteOptions): Change {
  let parsed: ReturnType<typeof parseApplied> | undefined
  return (existing) => {
    // As upstream, only now: a subresource of what is not there shows first.
    parsed ??= parseApplied(body)
    call.trace?.mark('decode')
    const merged = endpoint.fieldManager.apply(existing, parsed.value, options.fieldManager, options.force)
    reportAppliedStrictErrors(call, parsed, options)
    return merged
  }
}

function parseApplied(body: Buffer): ParsedJson & { readonly value: JsonObject } {
  const parsed = parsing(() => parseJsonOrYaml(body), 'error decoding YAML: ')
  if (parsed.value === null || parsed.value === undefined) return { value: {}, strictErrors: parsed.strictErrors }
  if (!isJsonObject(parsed.value)) {
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonType(parsed.value)} into Go value of type map[string]interface {}`,
    )
  }
  return { value: parsed.value, strictErrors: parsed.strictErrors }
}

/** Nearly every client sends JSON, which is YAML as well: read as what it is, it costs a fraction. */
function parseJsonOrYaml(body: Buffer): ParsedJson {
  if (body[0] === OPENING_BRACE) {
    try {
      const parsed = parseJson(body)
      if (parsed.strictErrors.length === 0) return parsed
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
  try {
    return parseYaml(body.toString('utf8'))
  } catch (error) {
    if (error instanceof DecodeError) throw new DecodeError(`error converting YAML to JSON: ${error.message}`)
    throw error
  }
}

const OPENING_BRACE = 0x7b

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function reportAppliedStrictErrors(call: Call, { strictErrors }: ParsedJson, options: WriteOptions): void {
  if (strictErrors.length === 0 || options.fieldValidation === 'Ignore') return
  if (options.fieldValidation === 'Strict') {
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${strictErrors.join('\n')}`)
  }
  warnOfStrictErrors(call, strictErrors)
}

/** A JSON, merge or strategic merge patch. */
function patchChange(
  call: Call,
  endpoint: Endpoint,
  body: Buffer,
  type: Exclude<PatchType, 'apply'>,
  options: WriteOptions,
): Change {
  const manager = managerOf(call, options)
  let apply: ((served: KubeObject) => Patched) | undefined
  return (existing) => {
    if (!existing) throw notFound(endpoint.resource.gvr, call.info.name)
    // As upstream, only now: whether the object is there shows before what is wrong with the patch.
    apply ??= patchFunction(body, type, endpoint, options)
    const served = endpoint.served(existing)
    const patched = apply(served)
    const { shown, strictErrors } = patched
    // The object as it is stored is in normal form, a view of it need not be.
    const known = served === existing && endpoint.node === endpoint.resource.node ? served : undefined
    const decoded = decodePatched(endpoint, patched, known)
    call.trace?.mark('decode')
    reportStrictErrors(call, [...strictErrors, ...decoded.strictErrors], shown, options)
    return endpoint.fieldManager.update(existing, endpoint.defaulted(decoded.object), manager)
  }
}

interface Patched {
  /** The object was changed as it is, not as text: its kind is never read. */
  readonly isConverted?: boolean
  /** An object, unless the patch has put something else in its place. */
  readonly object: unknown
  /** What messages show of the patch. */
  readonly shown: () => string
  readonly strictErrors: readonly string[]
}

function patchFunction(
  body: Buffer,
  type: Exclude<PatchType, 'apply'>,
  endpoint: Endpoint,
  options: WriteOptions,
): (served: KubeObject) => Patched {
  const strict = options.fieldValidation !== 'Ignore'
  const prefix = type === 'strategic' || !strict ? '' : 'error decoding patch: '
  const { value, strictErrors } = parsing(() => parseJson(body), prefix)
  if (type === 'json') {
    const decoded = decodeJsonPatch(value, { strict })
    const errors = strict ? [...strictErrors.map((e) => `json patch ${e}`), ...decoded.strictErrors] : []
    return (served) => jsonResult(applyJsonPatch(served, decoded.operations), errors)
  }
  if (value !== null && !isJsonObject(value) && (strict || type === 'strategic')) {
    throw badRequest(`${prefix}json: cannot unmarshal ${jsonType(value)} into Go value of type map[string]interface {}`)
  }
  if (type === 'merge') return (served) => jsonResult(applyMergePatch(served, value), strict ? strictErrors : [])
  const fields = isJsonObject(value) ? value : {}
  return (served) => {
    const object = applyStrategicMergePatch(served, fields, endpoint.node)
    return { object, shown: () => goFormat(fields), strictErrors, isConverted: true }
  }
}

function jsonResult(object: unknown, strictErrors: readonly string[]): Patched {
  return { object, shown: () => JSON.stringify(object), strictErrors }
}

function parsing(parse: () => ParsedJson, prefix: string): ParsedJson {
  try {
    return parse()
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(prefix + error.message)
    throw error
  }
}

function decodePatched(
  endpoint: Endpoint,
  patched: Patched,
  known: KubeObject | undefined,
): Decoded & { readonly object: KubeObject } {
  try {
    const { object, strictErrors } = patched.isConverted
      ? decodeConverted(endpoint, patched.object as JsonObject, known)
      : decodeText(endpoint, patched.object, known)
    // What the patch did not touch is shared with the stored object.
    const kube = (known ? object : cloneJson(object)) as KubeObject
    if (!isJsonObject(kube.metadata)) kube.metadata = {}
    return { object: kube, strictErrors }
  } catch (error) {
    if (error instanceof DecodeError) throw invalidPatch(patched.shown(), error.message)
    throw error
  }
}

function decodeText(endpoint: Endpoint, object: unknown, known: KubeObject | undefined): Decoded {
  const why = kindMismatch(kindOf(object, endpoint.gvk), endpoint)
  if (why !== undefined) throw new DecodeError(why)
  return known ? decodeOver(object, endpoint.node, known) : decode(object, endpoint.node)
}

/** What is unknown comes in alphabetical order here. */
function decodeConverted({ gvk, node }: Endpoint, object: JsonObject, known: KubeObject | undefined): Decoded {
  const { object: decoded, strictErrors } = decodeWrapped(node, object, known)
  return {
    object: Object.assign(decoded, { kind: gvk.kind, apiVersion: apiVersionOf(gvk) }),
    strictErrors: strictErrors.length > 1 ? strictErrors.toSorted() : strictErrors,
  }
}

function decodeWrapped(node: StructNode, object: JsonObject, known: KubeObject | undefined): Decoded {
  try {
    return known ? decodeOver(object, node, known) : decode(object, node)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return decode(fromUnstructured(object, node), node)
  }
}

function reportStrictErrors(
  call: Call,
  errors: readonly string[],
  shown: () => string,
  { fieldValidation }: WriteOptions,
): void {
  if (errors.length === 0 || fieldValidation === 'Ignore') return
  if (fieldValidation === 'Strict') throw invalidPatch(shown(), strictDecodingError(errors))
  for (const error of errors) call.warn(error)
}

function invalidPatch(shown: string, why: string): Error {
  return invalidObject({ group: '', kind: '' }, '', [invalid(FieldPath.of('patch'), shown, why)])
}
