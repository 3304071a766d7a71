/** Where a request stands in a trace that goes through several programs. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** Of the span that caused the request: 16 hexadecimal digits. */
  readonly parentId: string
  /** Two hexadecimal digits; the last bit: somebody records the trace. */
  readonly flags: string
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/**
 * Reads a `traceparent` header; undefined where it is none, which is then ignored as the standard asks.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function parseTraceparent(header: string): TraceContext | undefined {
  const match = TRACEPARENT.exec(header)
  if (!match) return undefined
  const [, version, traceId = '', parentId = '', flags = '', more] = match
  // Later versions may have more to say; the first says exactly this.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, flags }
}

export function formatTraceparent({ traceId, parentId, flags }: TraceContext): string {
  return `00-${traceId}-${parentId}-${flags}`
}
