import { goJson } from '../go-quote.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../kube-object.ts'

/** Where `kubectl apply` on the client side keeps what it applied last. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** Longest annotations of an object, keys and values, in bytes. */
const MAX_ANNOTATION_BYTES = 256 * 1024

export function lastAppliedOf(object: KubeObject): string | undefined {
  return object.metadata.annotations?.[LAST_APPLIED] || undefined
}

/**
 * The object with what kubectl applied on the server side as its last applied configuration, so that one may go back to
 * the client side. The annotation is left out where it would make annotations too long.
 *
 * @see apimachinery pkg/util/managedfields/internal/lastappliedupdater.go
 */
export function withLastApplied(object: KubeObject, applied: JsonObject): KubeObject {
  const { [LAST_APPLIED]: _, ...others } = object.metadata.annotations ?? {}
  const annotations = { ...others, [LAST_APPLIED]: `${goJson(withoutLastApplied(applied))}\n` }
  const bytes = Object.entries(annotations).reduce((n, [k, v]) => n + Buffer.byteLength(k) + Buffer.byteLength(v), 0)
  const kept = bytes > MAX_ANNOTATION_BYTES ? others : annotations
  return { ...object, metadata: { ...object.metadata, annotations: kept } }
}

function withoutLastApplied(applied: JsonObject): JsonObject {
  const metadata = applied['metadata']
  const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined
  if (!isJsonObject(metadata) || !isJsonObject(annotations) || !Object.hasOwn(annotations, LAST_APPLIED)) return applied
  const { [LAST_APPLIED]: _, ...others } = annotations
  return { ...applied, metadata: { ...metadata, annotations: others } }
}
