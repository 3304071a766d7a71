import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { badRequest, internalError, unauthorized } from '../apimachinery/api-error.ts'
import { goQuote } from '../apimachinery/go-quote.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import { AuthenticationError, type Authenticator } from '../auth/authn/authenticator.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import { Call } from './call.ts'
import { authorize } from './filters/authorization.ts'
import type { FlowControl } from './filters/flow-control.ts'
import { QueryParameters } from './query-parameters.ts'
import { requestInfo } from './request-info.ts'
import { peerOf } from './tls-peer.ts'
import type { TraceRecorder } from './trace/trace-recorder.ts'

/** Rewrites who a request counts as (impersonation). Errors: 403. */
export type Impersonate = (call: Call, authorizer: Authorizer) => UserInfo | undefined | Promise<UserInfo | undefined>

export interface PipelineOptions {
  readonly authenticator: Authenticator
  readonly authorizer: Authorizer
  readonly impersonate: Impersonate
  readonly flowControl: FlowControl
  readonly recorder: TraceRecorder
  /** Undefined: nothing is audited. */
  readonly auditor?: RequestAuditor | undefined
}

/** Is told of each request once it is known who makes it, or that nobody knows. */
export interface RequestAuditor {
  /** Where a promise comes back, the request has to wait for it. Errors: 500. */
  received(call: Call): Promise<void> | undefined
  refused(call: Call): void
}

/** Longest audit ID that is taken from a client. */
const MAX_AUDIT_ID = 64

/** Reads the head of a request. Errors: 400. */
export function openCall(request: FastifyRequest, reply: FastifyReply): Call {
  const url = request.raw.url ?? '/'
  const at = url.indexOf('?')
  const path = decodePath(at < 0 ? url : url.slice(0, at))
  const query = at < 0 ? QueryParameters.EMPTY : QueryParameters.parse(url.slice(at + 1))
  const given = request.headers['audit-id']
  const auditId = typeof given === 'string' && given !== '' && given.length <= MAX_AUDIT_ID ? given : randomUUID()
  reply.header('audit-id', auditId)
  reply.header('cache-control', 'no-cache, private')
  const info = requestInfo(request.method, path, query)
  if (!info) throw badRequest(`unable to determine kind and namespace from url, ${url}`)
  return new Call({ request, reply, query, info, auditId, startedAt: performance.now() })
}

function decodePath(path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    throw badRequest(`invalid URL escape in path ${goQuote(path)}`)
  }
}

/** What every request passes before its body is read. Resolves with what gives its place back. Errors: 400–429. */
export async function admitCall(call: Call, options: PipelineOptions): Promise<() => void> {
  const { auditor } = options
  try {
    call.user = await authenticate(call, options.authenticator)
  } catch (error) {
    auditor?.refused(call)
    throw error
  }
  const authenticatedAt = performance.now()
  const stored = auditor?.received(call)
  if (stored) await stored
  call.spent('authentication', authenticatedAt - call.startedAt)
  const impersonated = await options.impersonate(call, options.authorizer)
  if (impersonated) call.user = impersonated
  const { trace } = call
  trace?.mark('authentication')
  const askedAt = performance.now()
  if (impersonated) call.spent('impersonation', askedAt - authenticatedAt)
  const turn = options.flowControl.acquire(call)
  const release = turn instanceof Promise ? await turn : turn
  const seatedAt = performance.now()
  if (turn instanceof Promise) call.spent('apf-queue-wait', seatedAt - askedAt)
  trace?.mark('flowControl')
  try {
    await authorize(call, options.authorizer)
    call.spent('authorization', performance.now() - seatedAt)
  } catch (error) {
    release()
    throw error
  }
  return release
}

async function authenticate(call: Call, authenticator: Authenticator): Promise<UserInfo> {
  const { request } = call
  try {
    const answer = authenticator.authenticate({
      headers: request.headers,
      rawHeaders: request.raw.rawHeaders,
      ...peerOf(request.raw.socket as TLSSocket),
    })
    const authenticated = answer instanceof Promise ? await answer : answer
    if (!authenticated) throw unauthorized()
    call.trace?.authenticated(authenticated.method)
    for (const [key, value] of Object.entries(authenticated.auditAnnotations ?? {}))
      call.auditAnnotations.set(key, value)
    for (const warning of authenticated.warnings ?? []) call.warn(warning)
    // Downstream must never see the credential: neither handlers nor proxied servers.
    delete request.headers.authorization
    return authenticated.user
  } catch (error) {
    if (error instanceof AuthenticationError) throw unauthorized()
    if (error instanceof Error && error.name === 'ApiError') throw error
    throw internalError('authentication failed', { cause: error })
  }
}
