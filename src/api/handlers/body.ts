import { badRequest, requestEntityTooLarge } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { type ApiResource, toHub } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { internalGoType } from '../representation.ts'
import { bodyFormat, type DecodedBody, decodeBody, type ExpectedType } from '../request-body.ts'
import type { WriteOptions } from '../write-options.ts'

/** Largest body that is read, as upstream's default. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024

const EMPTY = Buffer.alloc(0)

/** The body as it came; empty where there was none. Errors: 413. */
export function bodyOf(call: Call): Buffer {
  const body = call.request.body
  if (!Buffer.isBuffer(body)) return EMPTY
  if (body.length > MAX_BODY_BYTES) throw requestEntityTooLarge(`limit is ${MAX_BODY_BYTES}`)
  return body
}

/**
 * Decodes and defaults the object that a client sends to create or replace. The result is in the hub version and the
 * caller's own. Errors: 400, 413, 415.
 */
export function decodeRequestObject(call: Call, resource: ApiResource, options: WriteOptions): KubeObject {
  const expected = { gvk: resource.gvk, node: resource.node, internalType: internalGoType(resource) }
  const served = decodeTyped(call, expected, options)
  const hub = defaultedHub(resource, served)
  call.audit?.requestObject(served)
  return hub
}

/** Decodes a body of a given type and deals with what strict decoding found. */
export function decodeTyped(
  call: Call,
  expected: ExpectedType,
  options: Pick<WriteOptions, 'fieldValidation'>,
): KubeObject {
  const decoded = decodeBody(bodyOf(call), bodyFormat(call.contentType), expected)
  handleStrictErrors(call, decoded, expected, options)
  return decoded.object
}

function handleStrictErrors(
  call: Call,
  { strictErrors }: DecodedBody,
  { gvk }: ExpectedType,
  { fieldValidation }: Pick<WriteOptions, 'fieldValidation'>,
): void {
  if (strictErrors.length === 0 || fieldValidation === 'Ignore') return
  if (fieldValidation === 'Strict') {
    throw badRequest(
      `${gvk.kind} in version "${gvk.version}" cannot be handled as a ${gvk.kind}: ${strictDecodingError(strictErrors)}`,
    )
  }
  warnOfStrictErrors(call, strictErrors)
}

const YAML_PREFIX = /^(error converting YAML to JSON: )?yaml: unmarshal errors:\n/

/** A warning for each strict error; those of YAML come several in one, a line each. */
export function warnOfStrictErrors(call: Call, errors: readonly string[]): void {
  for (const error of errors) {
    const lines = YAML_PREFIX.test(error) ? error.replace(YAML_PREFIX, '').split('\n') : [error]
    for (const line of lines) call.warn(line.trim())
  }
}

/** Several strict errors as upstream's one message. */
export function strictDecodingError(errors: readonly string[]): string {
  return `strict decoding error: ${errors.join(', ')}`
}

/** Sets the defaults of the served version; those of the hub where it has none of its own. */
export function defaultedHub(resource: ApiResource, served: KubeObject): KubeObject {
  const entry = resource.backing?.entry
  if (!resource.view) {
    entry?.defaults?.(served)
    return served
  }
  resource.view.defaults?.(served)
  const hub = toHub(resource, served)
  if (!resource.view.defaults) entry?.defaults?.(hub)
  return hub
}
