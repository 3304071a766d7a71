import type { CauseTrigger } from '../../apimachinery/cause.ts'
import type { ObjectChange } from '../../apimachinery/object-changes.ts'

/** Where the trace is served: upstream's own paths below `/debug` are other ones. */
export const TRACE_PATH = '/debug/kubemu/trace'

/** Steps of a request in their order. */
export const STEPS = [
  'authentication',
  'flowControl',
  'authorization',
  'body',
  'decode',
  'fieldManager',
  'mutatingAdmission',
  'validation',
  'validatingAdmission',
  'store',
  'response',
] as const

export type Step = (typeof STEPS)[number]

/** What one admission plugin, or one webhook that it called, did. */
export interface AdmissionView {
  readonly plugin: string
  readonly phase: 'mutating' | 'validating'
  /** Name of the webhook and of the object that configures it. */
  readonly webhook?: string
  readonly configuration?: string
  readonly durationMs: number
  readonly refused?: true
  readonly changes?: readonly ObjectChange[]
  readonly changesCut?: true
}

/** One object that a request wrote. */
export interface WriteView {
  readonly action: 'created' | 'updated' | 'deleted' | 'unchanged'
  readonly group: string
  readonly resource: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid: string
  /** Of the whole store, as resourceVersion. Of an object that is unchanged: the one that it had. */
  readonly revision: number
  /** Undefined where there were too many writes at once to look. */
  readonly changes?: readonly ObjectChange[]
  readonly changesCut?: true
  /** What an Event says. */
  readonly note?: string
}

/** One request that wrote something, or failed to, as `/debug/kubemu/trace` shows it. Times are in milliseconds. */
export interface TraceRecordView {
  /** Of this server, in the order in which requests came. */
  readonly id: number
  readonly auditID: string
  /** W3C trace that the request belongs to; writes that follow from it belong to the same. */
  readonly traceID: string
  /** Span of the client's that the request belongs to, where it named one. */
  readonly parentSpanID?: string
  readonly time: string
  /** Undefined while the request is under way. */
  readonly durationMs?: number
  readonly user: { readonly name: string; readonly groups: readonly string[] }
  /** Who made the request as that user. */
  readonly impersonatedBy?: string
  readonly userAgent: string
  /** How the client proved who it is; undefined for components in the server's process. */
  readonly authenticatedBy?: string
  /**
   * Authorizer that allowed or refused it, and the rule that did in its words; undefined for components in the server's
   * process, which are trusted.
   */
  readonly authorization?: { readonly by: string; readonly reason?: string }
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  /** HTTP status; undefined while the request is under way. */
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly writes: readonly WriteView[]
  /** Writes beyond those that are kept in detail. */
  readonly moreWrites?: number
  /** Undefined: a client outside wrote of its own accord. */
  readonly cause?: { readonly revisions: readonly number[]; readonly trigger?: CauseTrigger }
  readonly steps: readonly { readonly name: Step; readonly durationMs: number }[]
  /** Plugins that changed or refused something, and webhooks; undefined where there was too much to do to look. */
  readonly admission?: readonly AdmissionView[]
}

/** A record with what followed from it. */
export interface TraceNode {
  readonly record: TraceRecordView
  /** Milliseconds from the begin of the tree's first request to the begin of this one. */
  readonly offsetMs: number
  readonly children: readonly TraceNode[]
  /** Records that this one led to as well, and which are shown elsewhere. */
  readonly alsoCaused?: readonly number[]
  /** Records below this one that are left out. */
  readonly omitted?: number
}

/** What happened to an object, and what followed from it. */
export interface Trace {
  readonly kind: 'Trace'
  readonly apiVersion: 'kubemu.dev/v1alpha1'
  readonly roots: readonly TraceNode[]
  readonly recorder: {
    /** What was before is not known: when the server began to record. */
    readonly since: string
    readonly records: number
    /** Older records that had to make room. */
    readonly dropped: number
  }
}

/** Which requests a trace is about: an object, or a single request; none of these: all that clients wrote. */
export interface TraceQuery {
  /** As kubectl takes it: `Deployment`, `deployments`, `deploy`, `deployments.apps`. */
  readonly kind?: string
  readonly name?: string
  readonly namespace?: string
  readonly uid?: string
  readonly auditID?: string
  readonly revision?: number
  /** Every request that clients made, not only the last that worked and what failed since. */
  readonly all?: boolean
  /** Milliseconds: every request that clients made since then. */
  readonly sinceMs?: number
  /** With Events. */
  readonly events?: boolean
}
