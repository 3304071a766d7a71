import { asApiError, internalError, unknownError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { apiVersionOf, type GroupVersionKind, parseApiVersion } from '../../apimachinery/group-version.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../../apimachinery/kube-object.ts'
import { applyJsonPatch, decodeJsonPatch, type JsonPatchOperation } from '../../apimachinery/patch/json-patch.ts'
import { DecodeError, parseJson } from '../../apimachinery/schema/json-text.ts'
import { notAnObject } from './answer-body.ts'
import { CallFailure } from './call-failure.ts'
import type { Hook } from './hook.ts'
import type { Invocation } from './hook-matcher.ts'
import type { ReviewResponse } from './review-response.ts'

/** Operations of the patch that a webhook returned; none: it changes nothing. Errors: {@link CallFailure}. */
export function patchOf({ patch, patchType }: ReviewResponse, { hook }: Invocation): readonly JsonPatchOperation[] {
  if (patch.length === 0) return []
  const operations = decodePatch(patch, hook.name)
  if (operations.length > 0 && patchType !== 'JSONPatch') {
    throw new CallFailure(hook.name, `unsupported patch type ${goQuote(patchType)}`)
  }
  return operations
}

function decodePatch(patch: Buffer, webhook: string): readonly JsonPatchOperation[] {
  try {
    return decodeJsonPatch(parseJson(patch).value, { strict: false }).operations
  } catch (error) {
    const why = error instanceof DecodeError ? error.message : asApiError(error)?.message
    if (why === undefined) throw error
    throw new CallFailure(webhook, `received undecodable patch in webhook response: ${why}`, { cause: error })
  }
}

/** A patch for the audit log: the operations as they came, their members by name. */
export function patchAnnotation({ configuration, name }: Hook, patch: Buffer): string {
  const operations = (parseJson(patch).value as readonly JsonObject[]).map(
    (operation) => operation && Object.fromEntries(Object.entries(operation).sort(([a], [b]) => (a < b ? -1 : 1))),
  )
  return JSON.stringify({ configuration, webhook: name, patch: operations, patchType: 'JSONPatch' })
}

/**
 * The object after the patch, still the kind that it was. It shares what the patch did not touch. Errors: 500, which no
 * failurePolicy makes good: the webhook has been asked and said yes.
 */
export function patched(
  object: KubeObject,
  operations: readonly JsonPatchOperation[],
  kind: GroupVersionKind,
): JsonObject {
  const document = applyPatch(object, operations)
  const { kind: kindName = '', apiVersion = '' } = document as { kind?: unknown; apiVersion?: unknown }
  if (kindName === kind.kind && apiVersion === apiVersionOf(kind)) return document
  const version = typeof apiVersion === 'string' ? parseApiVersion(apiVersion)?.version : undefined
  throw unknownError(`converting (${version}.${kindName}) to (${kind.version}.${kind.kind}): unknown conversion`)
}

function applyPatch(object: KubeObject, operations: readonly JsonPatchOperation[]): JsonObject {
  let document: unknown
  try {
    document = applyJsonPatch(object, operations)
  } catch (error) {
    const refusal = asApiError(error)
    if (!refusal) throw error
    throw internalError(causeOf(refusal), { cause: error })
  }
  if (!isJsonObject(document)) throw internalError(notAnObject('array'))
  return document
}

const causeOf = (error: Error): string => (error.cause instanceof Error ? error.cause.message : error.message)
