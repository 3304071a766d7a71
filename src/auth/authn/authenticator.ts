import type { X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { UserInfo } from '../../apimachinery/user-info.ts'

/** What an authenticator may look at. */
export interface AuthenticationRequest {
  readonly headers: IncomingHttpHeaders
  /** Certificate that the client proved to hold in the TLS handshake; not yet checked against any CA of ours. */
  readonly peerCertificate: X509Certificate | undefined
  /** Certificates the client sent behind its own, leaf's issuer first. */
  readonly peerIntermediates: readonly X509Certificate[]
  /** The TLS layer, too, has found a chain from the certificate to a CA of the server's. */
  readonly peerAuthorized: boolean
  /** Header lines as they came: name, value, name, … A header that stands on several lines is found whole here only. */
  readonly rawHeaders: readonly string[]
}

export interface Authenticated {
  readonly user: UserInfo
  /** Name of the authenticator that knew the credential. */
  readonly method?: string
  /** Audiences that the credential is good for; undefined where the mechanism knows none. */
  readonly audiences?: readonly string[]
  /** Annotations for the audit event. */
  readonly auditAnnotations?: Readonly<Record<string, string>>
  /** What the client should be warned of. */
  readonly warnings?: readonly string[]
}

/**
 * One way to tell who a client is. Undefined: the request carries no such credential. Throwing {@link AuthenticationError}:
 * it carries one, which is no good. Either way the next mechanism is asked.
 */
export interface Authenticator {
  readonly name: string
  authenticate(request: AuthenticationRequest): Promise<Authenticated | undefined> | Authenticated | undefined
}

/** The answer with the name of who gave it, unless it names who was asked behind. */
export function byMethod(authenticated: Authenticated, { name }: { readonly name: string }): Authenticated {
  return authenticated.method === undefined ? { ...authenticated, method: name } : authenticated
}

/** Why a credential was refused: for the log and the audit, never for the client. */
export class AuthenticationError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'AuthenticationError'
  }
}
