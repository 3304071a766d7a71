import type { AuditEvent } from './audit-event.ts'

const ANNOTATION = 'audit.k8s.io/truncated'

/**
 * The event, without the objects of request and answer where it is larger than `maxBytes` in JSON; undefined where that
 * is not enough.
 *
 * @see apiserver plugin/pkg/audit/truncate
 */
export function truncated(event: AuditEvent, maxBytes: number): AuditEvent | undefined {
  if (sizeOf(event) <= maxBytes) return event
  const { level } = event
  if (level !== 'Request' && level !== 'RequestResponse') return undefined
  const { requestObject: _request, responseObject: _response, ...rest } = event
  const annotations = { ...(event['annotations'] as object | undefined), [ANNOTATION]: 'true' }
  const short = { ...rest, annotations } as AuditEvent
  return sizeOf(short) <= maxBytes ? short : undefined
}

const sizeOf = (event: AuditEvent): number => Buffer.byteLength(JSON.stringify(event))
