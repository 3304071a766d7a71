import type { X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { andThen, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
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
  /** Warns the client, whoever it turns out to be. */
  warn?(text: string): void
}

export interface Authenticated {
  readonly user: UserInfo
  /** Name of the authenticator that knew the credential. */
  readonly method?: string
  /** Audiences that the credential is good for; undefined where the mechanism knows none. */
  readonly audiences?: readonly string[]
  /** Annotations for the audit event. */
  readonly auditAnnotations?: Readonly<Record<string, string>>
  /** The credential is answered with this very object each time: what is made of it may be kept. */
  readonly isLasting?: true
  /** What the client should be warned of. */
  readonly warnings?: readonly string[]
}

/**
 * One way to tell who a client is. Undefined: the request carries no such credential. Throwing {@link AuthenticationError}:
 * it carries one, which is no good. Either way the next mechanism is asked.
 */
export interface Authenticator {
  readonly name: string
  authenticate(request: AuthenticationRequest): MaybePromise<Authenticated | undefined>
}

/** Answers that are made of other answers: of lasting ones once, so that these, too, answer with the same object. */
export class DerivedAnswers {
  readonly #made = new WeakMap<Authenticated, Authenticated>()
  readonly #make: (authenticated: Authenticated) => Authenticated

  constructor(make: (authenticated: Authenticated) => Authenticated) {
    this.#make = make
  }

  of(authenticated: Authenticated): Authenticated {
    if (!authenticated.isLasting) return this.#make(authenticated)
    const known = this.#made.get(authenticated)
    if (known) return known
    const made = this.#make(authenticated)
    this.#made.set(authenticated, made)
    return made
  }
}

const named = new Map<string, DerivedAnswers>()

/** The answer with the name of who gave it, unless it names who was asked behind. */
function byMethod(authenticated: Authenticated, name: string): Authenticated {
  if (authenticated.method !== undefined) return authenticated
  let answers = named.get(name)
  if (!answers) {
    answers = new DerivedAnswers((answer) => ({ ...answer, method: name }))
    named.set(name, answers)
  }
  return answers.of(authenticated)
}

/** What an authenticator answers, with its name. */
export function askByMethod(
  { name }: { readonly name: string },
  answer: MaybePromise<Authenticated | undefined>,
): MaybePromise<Authenticated | undefined> {
  return andThen(answer, (authenticated) => authenticated && byMethod(authenticated, name))
}

/** Why a credential was refused: for the log and the audit, never for the client. */
export class AuthenticationError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'AuthenticationError'
  }
}
