import type { FastifyReply } from 'fastify'

/** Go's own answer to a path that nobody serves. */
export function notFoundPage(reply: FastifyReply): FastifyReply {
  return sendText(reply, 404, '404 page not found')
}

/** Go's own answer to a request that it cannot read. */
export function badRequestPage(reply: FastifyReply): FastifyReply {
  return reply.code(400).header('content-type', 'text/plain; charset=utf-8').send('400 Bad Request')
}

/** A line of text, as Go's http.Error sends it. */
export function sendText(reply: FastifyReply, status: number, line: string): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(`${line}\n`)
}

const TIMEOUT_BODY = `${JSON.stringify({
  metadata: {},
  status: 'Failure',
  message: 'Timeout: request did not complete within the allotted timeout',
  reason: 'Timeout',
  details: {},
  code: 504,
})}\n`

/** Answers a request that has taken too long: a Status without a kind, in text (pkg/server/filters/timeout.go). */
export function sendTimeout(reply: FastifyReply): void {
  reply.code(504).header('content-type', 'text/plain; charset=utf-8').send(TIMEOUT_BODY)
}

/** Breaks an answer off, so that the client sees that it is not whole. */
export function breakOff({ raw, request }: FastifyReply): void {
  if (request.raw.httpVersionMajor === 1) raw.destroy()
  // The compatibility API of HTTP/2 has the stream behind its response.
  else (raw as unknown as { readonly stream: { destroy(): void } }).stream.destroy()
}

/** Gives an answer that has been written to its end so long to reach the client. */
export function lingerAtMost(reply: FastifyReply, ms: number): void {
  const timer = setTimeout(() => breakOff(reply), ms)
  timer.unref()
  reply.raw.once('close', () => clearTimeout(timer))
}
