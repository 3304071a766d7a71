import { badRequest } from '../api-error.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { checkDepth } from './json-depth.ts'
import { memberOf, setMember } from './json-member.ts'

/**
 * Applies an RFC 7386 merge patch. The document is not written to; what the patch does not touch is shared with it.
 *
 * @throws {ApiError} 400 where the patch is not an object, or too deep
 */
export function applyMergePatch(document: JsonObject, patch: unknown): JsonObject {
  if (patch === null || !isJsonObject(patch)) throw badRequest('Invalid JSON Patch')
  checkDepth(patch)
  return merge(document, patch)
}

function merge(document: JsonObject, patch: JsonObject): JsonObject {
  const result = { ...document }
  for (const key of Object.keys(patch)) {
    const value = patch[key]
    const current = memberOf(document, key)
    if (value === null) delete result[key]
    else if (isJsonObject(current) && isJsonObject(value)) setMember(result, key, merge(current, value))
    else if (isJsonObject(current)) setMember(result, key, value)
    else setMember(result, key, withoutNulls(value))
  }
  return result
}

/** A value that comes new into the document: members that are null are left out, at any depth. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isJsonObject(value)) return value
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    if (value[key] !== null) setMember(result, key, withoutNulls(value[key]))
  }
  return result
}
