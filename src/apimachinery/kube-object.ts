import type { ObjectMeta } from './types/meta-v1.ts'

/**
 * Any API object in its JSON form. Objects that are in the store or a cache are shared: never write into one that you
 * did not make yourself.
 */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

/** A JSON object whose shape is not known. */
export type JsonObject = Record<string, unknown>

/** True for a JSON object: neither null, nor a list, nor a scalar. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
