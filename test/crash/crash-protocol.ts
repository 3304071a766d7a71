/**
 * What the crash test's child tells its parent, one JSON line each, over a pipe that outlives it: `attempt` before a
 * write is asked for, `acknowledged` once the store has promised it.
 */
export type CrashMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'attempt'; readonly key: string; readonly verb: CrashVerb; readonly payload: number }
  | { readonly type: 'acknowledged'; readonly key: string; readonly revision: number }

type CrashVerb = 'put' | 'delete'

/** A value of up to some kilobytes that follows from its number alone: a single wrong byte gives it away. */
export function payloadBytes(payload: number): Buffer {
  return Buffer.from(`${payload}:`.repeat(1 + ((payload * 31) % 400)))
}

/** The number of a value made by {@link payloadBytes}; undefined if it is not exactly one. */
export function payloadOf(value: Buffer): number | undefined {
  const payload = Number(value.subarray(0, Math.max(0, value.indexOf(':'))).toString() || Number.NaN)
  return Number.isSafeInteger(payload) && payloadBytes(payload).equals(value) ? payload : undefined
}
