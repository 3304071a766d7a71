import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Call } from '../call.ts'

/** Headers that are between two neighbours alone. @see RFC 9110 section 7.6.1; Go's httputil.ReverseProxy */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Says who somebody is: for this server, not for those behind it. */
const CREDENTIALS = /^(authorization|impersonate-.*|x-remote-(user|uid|group|extra-.*))$/

/** Who may read an answer from other pages is for this server to say. */
const CORS_HEADERS: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
])

/** A request's headers for the backend that it is proxied to. `upgrade`: with those that ask for another protocol. */
export function requestHeaders({ request }: Call, { upgrade }: { readonly upgrade: boolean }): OutgoingHttpHeaders {
  const { headers, socket } = request.raw
  const named = namedByConnection(headers)
  const kept: OutgoingHttpHeaders = {}
  for (const [name, value] of Object.entries(headers)) {
    const isHop = HOP_HEADERS.has(name) || named.has(name)
    if (name.startsWith(':') || name === 'expect' || CREDENTIALS.test(name) || (isHop && !upgrade)) continue
    kept[name] = value
  }
  kept['host'] = headers.host ?? (headers[':authority'] as string | undefined) ?? ''
  const client = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const before = headers['x-forwarded-for']
  if (client !== '') kept['x-forwarded-for'] = before === undefined ? client : `${String(before)}, ${client}`
  return kept
}

/** A backend's headers for the client. */
export function responseHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = namedByConnection(headers)
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_HEADERS.has(name) && !named.has(name) && !CORS_HEADERS.has(name)),
  )
}

function namedByConnection({ connection = '' }: IncomingHttpHeaders): ReadonlySet<string> {
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}
