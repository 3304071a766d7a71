import { randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Call } from '../api/call.ts'
import { QueryParameters } from '../api/query-parameters.ts'
import type { TraceRecorder } from '../api/trace/trace-recorder.ts'
import type { Cause } from '../apimachinery/cause.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'

/** What a client in this process asks for. */
interface InProcessRequest {
  readonly user: UserInfo
  readonly userAgent: string
  readonly verb: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  /** '' for cluster-scoped resources. */
  readonly namespace: string
  /** '' for creates. */
  readonly name: string
  readonly contentType?: string
  readonly body?: Buffer
  /** Text of the query, without its question mark. */
  readonly query?: string
  /** What made the client write. */
  readonly cause: Cause | undefined
}

/**
 * A call that came by no connection, for the handlers that HTTP requests go through as well: it has all that they read
 * of a request (headers, body, query) and no reply, which only streams and proxies write to.
 */
export function inProcessCall(request: InProcessRequest, recorder: TraceRecorder): Call {
  const { group, version, namespace, resource, name, subresource, verb, user } = request
  const parts = [resource, name, subresource].filter((p) => p !== '')
  const call = new Call({
    request: {
      headers: { 'user-agent': request.userAgent, 'content-type': request.contentType ?? 'application/json' },
      body: request.body,
    } as FastifyRequest,
    reply: undefined as unknown as FastifyReply,
    query: request.query ? QueryParameters.parse(request.query) : QueryParameters.EMPTY,
    info: {
      isResourceRequest: true,
      path: '',
      verb,
      apiPrefix: group === '' ? 'api' : 'apis',
      apiGroup: group,
      apiVersion: version,
      namespace,
      resource,
      subresource,
      name,
      parts,
      fieldSelector: '',
      labelSelector: '',
    },
    auditId: verb === 'get' ? '' : randomUUID(),
    startedAt: performance.now(),
  })
  call.user = user
  call.trace = recorder.begin(call, request.cause)
  return call
}
