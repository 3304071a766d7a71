import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** A call that did not get an answer; the message is the one of Go's client. */
export class TransportError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'TransportError'
  }
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
])

interface SystemError extends Error {
  readonly code?: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
  readonly errors?: readonly SystemError[]
  readonly host?: string
  readonly cert?: ReturnType<TLSSocket['getPeerCertificate']>
}

/** What Go's HTTP client would say of an error of Node's. */
export function transportMessage(given: unknown): string {
  const error = given as SystemError
  const cause = error.errors?.at(-1) ?? error
  const { code = '' } = cause
  if (UNKNOWN_AUTHORITY.has(code)) return verification('certificate signed by unknown authority')
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${addressOf(cause)}: connect: connection refused`
    case 'EHOSTUNREACH':
      return `dial tcp ${addressOf(cause)}: connect: no route to host`
    case 'ENETUNREACH':
      return `dial tcp ${addressOf(cause)}: connect: network is unreachable`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${cause.hostname ?? ''}: no such host`
    case 'ECONNRESET':
    case 'EPIPE':
      return 'EOF'
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return verification('certificate has expired or is not yet valid')
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return verification(nameMismatch(cause))
    case 'HPE_HEADER_OVERFLOW':
      return 'net/http: server response headers exceeded 16384 bytes; aborted'
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'http: server gave HTTP response to HTTPS client'
  }
  if (code.startsWith('HPE_')) return `net/http: HTTP/1.x transport connection broken: malformed HTTP response`
  return cause.message === '' ? code : cause.message
}

const verification = (why: string): string => `tls: failed to verify certificate: x509: ${why}`

function addressOf({ address = '', port = 0 }: SystemError): string {
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`
}

function nameMismatch({ host = '', cert }: SystemError): string {
  const names = (cert?.subjectaltname ?? '').split(', ').filter((name) => name !== '')
  const of = (prefix: string): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  if (isIP(host) !== 0) {
    const addresses = of('IP Address:')
    if (addresses.length === 0) return `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
    return `certificate is valid for ${addresses.join(', ')}, not ${host}`
  }
  const domains = of('DNS:')
  if (domains.length === 0) return `certificate is not valid for any names, but wanted to match ${host}`
  return `certificate is valid for ${domains.join(', ')}, not ${host}`
}
