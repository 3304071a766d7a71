import { randomUUID } from 'node:crypto'
import type { AdmissionStep, AdmissionTrace } from '../../admission/admission.ts'
import type { Cause } from '../../apimachinery/cause.ts'
import { formatMicroTime } from '../../apimachinery/clock.ts'
import { cloneJson, equalJson } from '../../apimachinery/clone.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { type ObjectChanges, objectChanges } from '../../apimachinery/object-changes.ts'
import { formatTraceparent, type TraceContext } from '../../apimachinery/trace-context.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { StoredChange, WriteTrace } from '../../registry/generic/request-context.ts'
import type { ResourceIdentity } from '../../registry/generic/resource-identity.ts'
import type { Call } from '../call.ts'
import type { RequestInfo } from '../request-info.ts'
import { type AdmissionView, STEPS, type Step, type TraceRecordView, type WriteView } from './trace-record.ts'

/** Where a trace goes once there is something to keep. */
export interface TraceKeeper {
  /** The request has written for the first time, or has failed. */
  keep(trace: RequestTrace): void
  /** A write of a trace that is kept. */
  wrote(trace: RequestTrace, revision: number): void
  /** The request is over, or has written after that. */
  ended(trace: RequestTrace): void
}

/** One object that a request wrote. */
interface TracedWrite {
  readonly action: StoredChange['action']
  readonly identity: ResourceIdentity
  readonly namespace: string | undefined
  readonly name: string
  readonly uid: string
  readonly revision: number
  readonly found: ObjectChanges | undefined
  readonly note: string | undefined
}

/** Objects of one request that are described; of more than these only the revisions are kept. */
const MAX_WRITES = 100
/** Plugins that took less than this, and changed nothing, are not worth a line. */
const NOTEWORTHY_MS = 5
const MAX_USER_AGENT = 256
const MAX_MESSAGE = 1000

const STEP_INDEX = Object.fromEntries(STEPS.map((step, i) => [step, i])) as Readonly<Record<Step, number>>

/** Nothing yet, in a list that V8 keeps as doubles from the start. */
const NO_TIME: readonly number[] = STEPS.map(() => -0)

/** Bytes of memory, roughly: a record, each of its writes, each value that is no text. */
const RECORD_BYTES = 900
const WRITE_BYTES = 250
const VALUE_BYTES = 120

/**
 * What happens to one request. The steps that the request passes write to it; it costs next to nothing until the request
 * writes or fails, and lets go of the request when that is over. Every request that writes makes one, which is kept for
 * long: so few objects as can be.
 */
export class RequestTrace implements AdmissionTrace, WriteTrace {
  readonly id: number
  readonly auditId: string
  readonly cause: Cause | undefined
  /** Whether changes are looked at: in a rush they are not. */
  readonly isDetailed: boolean
  /** Milliseconds since the epoch. */
  readonly time: number
  /** As performance.now(). */
  readonly startedAt: number
  readonly revisions: number[] = []
  /** The keeper's: bytes that it counts for this; undefined: not kept. */
  charged: number | undefined
  readonly #keeper: TraceKeeper
  readonly #info: RequestInfo
  readonly #userAgent: string
  readonly #durations: number[] = NO_TIME.slice()
  #writes: TracedWrite[] | undefined
  #admission: AdmissionView[] | undefined
  /** Undefined once the request is over. */
  #call: Call | undefined
  #user: UserInfo | undefined
  #impersonator: string | undefined
  #context: TraceContext | undefined
  #spanId = ''
  #authenticatedBy: string | undefined
  #authorizedBy = ''
  #authorizationReason = ''
  #reason = ''
  #message = ''
  #lastMark: number
  #before: KubeObject | undefined
  #durationMs: number | undefined
  #code = 0
  #isKept = false
  #isKeptAsFailure = false
  #bytes = RECORD_BYTES

  constructor(
    keeper: TraceKeeper,
    call: Call,
    fields: {
      readonly id: number
      readonly time: number
      readonly cause: Cause | undefined
      readonly context: TraceContext | undefined
      readonly isDetailed: boolean
    },
  ) {
    this.#keeper = keeper
    this.#call = call
    this.#info = call.info
    const { userAgent } = call
    this.#userAgent = userAgent.length > MAX_USER_AGENT ? userAgent.slice(0, MAX_USER_AGENT) : userAgent
    this.id = fields.id
    this.auditId = call.auditId
    this.time = fields.time
    this.cause = fields.cause
    this.#context = fields.context
    this.isDetailed = fields.isDetailed
    this.startedAt = call.startedAt
    this.#lastMark = call.startedAt
  }

  /** A step is over, which began when the one before was. */
  mark(step: Step): void {
    const now = performance.now()
    this.#durations[STEP_INDEX[step]]! += now - this.#lastMark
    this.#lastMark = now
  }

  /** How the client proved who it is. */
  authenticated(method: string | undefined): void {
    this.#authenticatedBy = method
  }

  /** Who let it through or refused it, and why. */
  authorized(by: string, reason: string): void {
    this.mark('authorization')
    this.#authorizedBy = by
    this.#authorizationReason = reason
  }

  /** The trace that the request belongs to: the client's, that of its cause, or one of its own. */
  get context(): TraceContext {
    this.#context ??= {
      traceId: hexOf(UUID.test(this.auditId) ? this.auditId : randomUUID()),
      parentId: '',
      flags: '00',
    }
    return this.#context
  }

  get traceparent(): string {
    this.#spanId ||= hexOf(randomUUID()).slice(0, 16)
    return formatTraceparent({ ...this.context, parentId: this.#spanId })
  }

  /** Bytes of memory that it takes, roughly. */
  get bytes(): number {
    return this.#bytes + 16 * this.revisions.length
  }

  get isOver(): boolean {
    return this.#durationMs !== undefined
  }

  get hasFailed(): boolean {
    return this.#code >= 400
  }

  /** It was over when there was something to keep: that it had failed. */
  get isKeptAsFailure(): boolean {
    return this.#isKeptAsFailure
  }

  get writes(): readonly TracedWrite[] {
    return this.#writes ?? NO_WRITES
  }

  /** It wrote Events and nothing else. */
  get isEvent(): boolean {
    return this.#info.resource === 'events'
  }

  /** Whether it wrote an object, or tried to. `namespace`: '' for cluster-scoped objects. */
  isAbout(group: string, resource: string, namespace: string, name: string): boolean {
    const info = this.#info
    const isAsked = info.name === name && info.namespace === namespace
    if (isAsked && info.resource === resource && info.apiGroup === group) return true
    return this.writes.some(
      (w) =>
        w.name === name &&
        w.identity.resource === resource &&
        w.identity.group === group &&
        (w.namespace ?? '') === namespace,
    )
  }

  admitting(object: KubeObject | undefined): void {
    if (this.isDetailed && object) this.#before = cloneJson(object)
  }

  ran({ plugin, phase, object, durationMs, refused, webhook, configuration }: AdmissionStep): void {
    const found = phase === 'mutating' ? this.#mutation(object) : undefined
    const hasChanges = found !== undefined && found.changes.length > 0
    const last = this.#admission?.at(-1)
    // Its webhooks have said all that there is to say.
    if (!hasChanges && last?.plugin === plugin && last.webhook !== undefined && webhook === undefined) return
    if (!hasChanges && !refused && webhook === undefined && durationMs < NOTEWORTHY_MS) return
    this.#bytes += WRITE_BYTES + (found ? bytesOf(found) : 0)
    this.#admission ??= []
    this.#admission.push({
      plugin,
      phase,
      ...(webhook === undefined ? {} : { webhook }),
      ...(configuration === undefined ? {} : { configuration }),
      durationMs: rounded(durationMs),
      ...(refused ? { refused: true as const } : {}),
      ...(hasChanges ? changesView(found) : {}),
    })
  }

  /** What a plugin has made of the object. */
  #mutation(object: KubeObject | undefined): ObjectChanges | undefined {
    if (!this.#before || !object || equalJson(this.#before, object)) return undefined
    const found = objectChanges(this.#before, object, { hideValues: this.#info.resource === 'secrets' })
    if (found.changes.length > 0) this.#before = cloneJson(object)
    return found
  }

  wrote(change: StoredChange): void {
    this.mark('store')
    if (this.#isHeartbeat()) return
    this.#keep()
    if (change.action !== 'unchanged') {
      this.revisions.push(change.revision)
      this.#keeper.wrote(this, change.revision)
    }
    this.#describe(change)
    // Written after its time was over: the client has heard of a failure.
    if (this.isOver) this.#keeper.ended(this)
  }

  #describe({ action, identity, object, old, revision }: StoredChange): void {
    this.#writes ??= []
    if (this.#writes.length === MAX_WRITES) return
    const hideValues = identity.resource === 'secrets'
    const found = old && this.isDetailed ? objectChanges(old, object, { hideValues }) : undefined
    this.#bytes += WRITE_BYTES + (found ? bytesOf(found) : 0)
    const { namespace, name = '', uid = '' } = object.metadata
    this.#writes.push({ action, identity, namespace, name, uid, revision, found, note: noteOf(object) })
  }

  /** What a kubelet says of its own node, again and again. */
  #isHeartbeat(): boolean {
    const { resource, subresource, name } = this.#info
    if (resource !== 'nodes' || subresource !== 'status') return false
    return (this.#call?.user ?? this.#user)?.name === `system:node:${name}`
  }

  failed(reason: string, message: string): void {
    this.#reason = reason
    this.#message = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message
    this.#bytes += this.#message.length
  }

  /** To be called once, when the request has been answered; `code`: as HTTP has it. */
  end(code: number): void {
    if (this.isOver) return
    this.#code = code
    if (code >= 400 && !this.#isHeartbeat()) this.#keep()
    this.mark('response')
    this.#durationMs = this.#lastMark - this.startedAt
    this.#user = this.#call?.user
    this.#impersonator = this.#call?.impersonation?.user.name
    this.#call = undefined
    this.#before = undefined
    if (this.#isKept) this.#keeper.ended(this)
  }

  #keep(): void {
    if (this.#isKept) return
    this.#isKept = true
    this.#isKeptAsFailure = this.hasFailed
    this.#keeper.keep(this)
  }

  view(): TraceRecordView {
    const info = this.#info
    const user = this.#call?.user ?? this.#user
    const impersonator = this.#call?.impersonation?.user.name ?? this.#impersonator
    const moreWrites = this.revisions.length - this.writes.length
    const { traceId, parentId } = this.context
    return {
      id: this.id,
      auditID: this.auditId,
      traceID: traceId,
      ...(parentId !== '' && this.cause === undefined ? { parentSpanID: parentId } : {}),
      time: formatMicroTime(this.time),
      ...(this.#durationMs === undefined ? {} : { durationMs: rounded(this.#durationMs) }),
      user: { name: user?.name ?? '', groups: user?.groups ?? [] },
      ...(impersonator === undefined ? {} : { impersonatedBy: impersonator }),
      userAgent: this.#userAgent,
      ...(this.#authenticatedBy === undefined ? {} : { authenticatedBy: this.#authenticatedBy }),
      ...(this.#authorizedBy === '' ? {} : { authorization: this.#authorization() }),
      verb: info.verb,
      group: info.apiGroup,
      version: info.apiVersion,
      resource: info.resource,
      ...(info.subresource === '' ? {} : { subresource: info.subresource }),
      ...(info.namespace === '' ? {} : { namespace: info.namespace }),
      ...(info.name === '' ? {} : { name: info.name }),
      ...(this.isOver ? { code: this.#code } : {}),
      ...(this.#reason === '' ? {} : { reason: this.#reason }),
      ...(this.#message === '' ? {} : { message: this.#message }),
      writes: this.writes.map(writeView),
      ...(moreWrites > 0 ? { moreWrites } : {}),
      ...(this.cause ? { cause: this.cause } : {}),
      steps: STEPS.map((name, i) => ({ name, durationMs: rounded(this.#durations[i]!) })).filter(
        ({ durationMs }) => durationMs > 0,
      ),
      ...(this.isDetailed ? { admission: this.#admission ?? [] } : {}),
    }
  }

  #authorization(): NonNullable<TraceRecordView['authorization']> {
    const reason = this.#authorizationReason
    return reason === '' ? { by: this.#authorizedBy } : { by: this.#authorizedBy, reason }
  }
}

const NO_WRITES: readonly TracedWrite[] = []

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const hexOf = (uuid: string): string => uuid.replaceAll('-', '').toLowerCase()

function writeView({ action, identity, namespace, name, uid, revision, found, note }: TracedWrite): WriteView {
  const { group, resource, kind } = identity
  return {
    action,
    group,
    resource,
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid,
    revision,
    ...(found ? changesView(found) : {}),
    ...(note === undefined ? {} : { note }),
  }
}

function changesView({ changes, isCut }: ObjectChanges): Pick<WriteView, 'changes' | 'changesCut'> {
  return { changes, ...(isCut ? { changesCut: true as const } : {}) }
}

/** An Event in few words. */
function noteOf(object: KubeObject): string | undefined {
  if (object.kind !== 'Event') return undefined
  const { reason, message, note } = object as { reason?: string; message?: string; note?: string }
  return `${reason}: ${message ?? note ?? ''}`.slice(0, 200)
}

function bytesOf({ changes }: ObjectChanges): number {
  let bytes = 0
  for (const { path, from, to } of changes) bytes += path.length + valueBytes(from) + valueBytes(to)
  return bytes
}

function valueBytes(value: unknown): number {
  return typeof value === 'string' ? value.length : VALUE_BYTES
}

/** To microseconds. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000
