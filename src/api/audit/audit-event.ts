import { formatMicroTime } from '../../apimachinery/clock.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Call } from '../call.ts'
import { reviewedUser } from '../virtual/self-subject-review.ts'
import type { AuditLevel, AuditStage } from './audit-policy.ts'

/** Longest user agent that is written whole. */
const MAX_USER_AGENT = 1024

/** An audit.k8s.io/v1 Event. */
export type AuditEvent = JsonObject & { readonly stage: AuditStage }

/** What events of one request have in common. */
interface AuditSubject {
  readonly call: Call
  /** Who was authenticated; undefined where nobody was. */
  readonly user: UserInfo | undefined
  readonly level: AuditLevel
  readonly identity: ObjectIdentity
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

/** What the request's object says of which object it is. */
export interface ObjectIdentity {
  readonly name?: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
}

interface AuditOutcome {
  readonly responseStatus?: JsonObject | undefined
  readonly requestObject?: unknown
  readonly responseObject?: unknown
}

/** One event, fields in upstream's order. */
export function auditEvent(
  { call, user, level, identity, receivedAt }: AuditSubject,
  stage: AuditStage,
  now: number,
  outcome: AuditOutcome = {},
): AuditEvent {
  const { impersonation, info, userAgent } = call
  const { responseStatus, requestObject, responseObject } = outcome
  const sourceIPs = sourceIpsOf(call)
  const annotations = [...call.auditAnnotations, ...((level !== 'Metadata' && call.requestAnnotations) || [])]
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: call.auditId,
    stage,
    requestURI: call.request.raw.url ?? '',
    verb: info.verb,
    user: user ? reviewedUser(user) : {},
    ...(impersonation && call.user ? { impersonatedUser: reviewedUser(call.user) } : {}),
    ...(impersonation?.constraint
      ? { authenticationMetadata: { impersonationConstraint: impersonation.constraint } }
      : {}),
    ...(sourceIPs.length > 0 ? { sourceIPs } : {}),
    ...(userAgent === '' ? {} : { userAgent: shortened(userAgent) }),
    ...(info.isResourceRequest ? { objectRef: objectRefOf(call, identity) } : {}),
    ...(responseStatus ? { responseStatus } : {}),
    ...(requestObject === undefined ? {} : { requestObject }),
    ...(responseObject === undefined ? {} : { responseObject }),
    requestReceivedTimestamp: formatMicroTime(receivedAt),
    stageTimestamp: formatMicroTime(now),
    ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) } : {}),
  }
}

function shortened(userAgent: string): string {
  return userAgent.length > MAX_USER_AGENT ? `${userAgent.slice(0, MAX_USER_AGENT)}...TRUNCATED` : userAgent
}

/** Addresses of the client and of the proxies between, as the headers say, the connection's own last. */
function sourceIpsOf({ request }: Call): string[] {
  const { headers, raw } = request
  const forwarded = headers['x-forwarded-for']
  const list = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',').map((a) => a.trim())
  const real = headers['x-real-ip']
  const addresses = [...list, typeof real === 'string' ? real.trim() : '', raw.socket.remoteAddress ?? '']
  return [...new Set(addresses.filter((address) => address !== ''))]
}

/** What the path leaves open the object says. */
function objectRefOf({ info }: Call, identity: ObjectIdentity): JsonObject {
  const { resource, apiGroup, apiVersion, subresource } = info
  const namespace = info.namespace || identity.namespace
  const name = info.name || identity.name
  const { uid, resourceVersion } = identity
  const fields = { resource, namespace, name, uid, apiGroup, apiVersion, resourceVersion, subresource }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''))
}
