import { randomUUID } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { badRequest, internalError, unauthorized } from '../apimachinery/api-error.ts'
import { goQuote } from '../apimachinery/go-quote.ts'
import { andThen, type MaybePromise } from '../apimachinery/maybe-promise.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import { type Authenticated, AuthenticationError, type Authenticator } from '../auth/authn/authenticator.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import { Call } from './call.ts'
import { authorize } from './filters/authorization.ts'
import type { FlowControl } from './filters/flow-control.ts'
import { QueryParameters } from './query-parameters.ts'
import { requestInfo } from './request-info.ts'
import { peerOf } from './tls-peer.ts'
import type { TraceRecorder } from './trace/trace-recorder.ts'

/** Rewrites who a request counts as (impersonation). Errors: 403. */
export type Impersonate = (call: Call, authorizer: Authorizer) => MaybePromise<UserInfo | undefined>

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

/**
 * What every request passes before its body is read; answers what gives its place back. Where nothing has to be waited
 * for, a request passes it in one go. Errors: 400–429.
 */
export function admitCall(call: Call, options: PipelineOptions): MaybePromise<() => void> {
  return andThen(identify(call, options), (authenticatedAt) =>
    andThen(options.impersonate(call, options.authorizer), (impersonated) => {
      if (impersonated) call.user = impersonated
      call.trace?.mark('authentication')
      const askedAt = performance.now()
      if (impersonated) call.spent('impersonation', askedAt - authenticatedAt)
      const turn = options.flowControl.acquire(call)
      if (!(turn instanceof Promise)) return authorizeSeated(call, options, turn, askedAt)
      return turn.then((release) => {
        const seatedAt = performance.now()
        call.spent('apf-queue-wait', seatedAt - askedAt)
        return authorizeSeated(call, options, release, seatedAt)
      })
    }),
  )
}

/** Finds out who makes the request and has it audited; answers when it was known. */
function identify(call: Call, { authenticator, auditor }: PipelineOptions): MaybePromise<number> {
  const refused = (error: unknown): never => {
    auditor?.refused(call)
    throw authenticationFailure(error)
  }
  const known = (authenticated: Authenticated | undefined): MaybePromise<number> => {
    if (!authenticated) return refused(unauthorized())
    take(call, authenticated)
    const authenticatedAt = performance.now()
    const stored = auditor?.received(call)
    call.spent('authentication', authenticatedAt - call.startedAt)
    return stored ? stored.then(() => authenticatedAt) : authenticatedAt
  }
  const answer = authenticate(call, authenticator, refused)
  return answer instanceof Promise ? answer.then(known, refused) : known(answer)
}

function authenticate(
  call: Call,
  authenticator: Authenticator,
  refused: (error: unknown) => never,
): MaybePromise<Authenticated | undefined> {
  const { headers, raw } = call.request
  const { peerCertificate, peerIntermediates, peerAuthorized } = peerOf(raw.socket as TLSSocket)
  try {
    return authenticator.authenticate({
      headers,
      rawHeaders: raw.rawHeaders,
      peerCertificate,
      peerIntermediates,
      peerAuthorized,
      warn: (text) => call.warn(text),
    })
  } catch (error) {
    return refused(error)
  }
}

function take(call: Call, { user, method, auditAnnotations, warnings }: Authenticated): void {
  call.user = user
  call.trace?.authenticated(method)
  if (auditAnnotations)
    for (const [key, value] of Object.entries(auditAnnotations)) call.auditAnnotations.set(key, value)
  if (warnings) for (const warning of warnings) call.warn(warning)
  // Downstream must never see the credential: neither handlers nor proxied servers.
  const { headers } = call.request
  if (headers.authorization !== undefined) headers.authorization = undefined
}

function authenticationFailure(error: unknown): unknown {
  if (error instanceof AuthenticationError) return unauthorized()
  if (error instanceof Error && error.name === 'ApiError') return error
  return internalError('authentication failed', { cause: error })
}

function authorizeSeated(
  call: Call,
  { authorizer }: PipelineOptions,
  release: () => void,
  seatedAt: number,
): MaybePromise<() => void> {
  const allowed = (): (() => void) => {
    call.spent('authorization', performance.now() - seatedAt)
    return release
  }
  const refused = (error: unknown): never => {
    release()
    throw error
  }
  call.trace?.mark('flowControl')
  try {
    const answer = authorize(call, authorizer)
    return answer instanceof Promise ? answer.then(allowed, refused) : allowed()
  } catch (error) {
    return refused(error)
  }
}
