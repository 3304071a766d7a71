import type { Clock } from '../../apimachinery/clock.ts'
import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
} from './authenticator.ts'
import type { CertificateVerifier } from './certificate-chain.ts'
import { headersWithPrefix, headerValues } from './header-values.ts'
import { commonNameOf } from './x509.ts'

interface RequestHeaderOptions {
  /** CAs of the proxies that may say who a request is from. */
  readonly verifier: () => CertificateVerifier
  /** Common names of their certificates; empty: any. */
  readonly allowedNames: readonly string[]
  /** Names of headers; the first that has a value counts. */
  readonly usernameHeaders: readonly string[]
  readonly uidHeaders: readonly string[]
  readonly groupHeaders: readonly string[]
  readonly extraHeaderPrefixes: readonly string[]
  readonly clock: Clock
}

/**
 * Requests of a front proxy, which says in headers who they are from. Without a certificate of its CA the headers count
 * for nothing.
 *
 * @see apiserver pkg/authentication/request/headerrequest/requestheader.go
 */
export class RequestHeaderAuthenticator implements Authenticator {
  readonly name = 'request-header'
  readonly #options: RequestHeaderOptions

  constructor(options: RequestHeaderOptions) {
    const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase())
    this.#options = {
      ...options,
      usernameHeaders: lower(options.usernameHeaders),
      uidHeaders: lower(options.uidHeaders),
      groupHeaders: lower(options.groupHeaders),
      extraHeaderPrefixes: lower(options.extraHeaderPrefixes),
    }
  }

  authenticate(request: AuthenticationRequest): Authenticated | undefined {
    const { usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes } = this.#options
    if (!request.peerCertificate) return undefined
    this.#checkProxy(request)
    const { rawHeaders } = request
    const first = (names: readonly string[]): string =>
      names.map((name) => headerValues(rawHeaders, name)[0] ?? '').find((value) => value !== '') ?? ''
    const name = first(usernameHeaders)
    if (name === '') return undefined
    const extra: Record<string, readonly string[]> = {}
    for (const prefix of extraHeaderPrefixes) {
      for (const [key, values] of Object.entries(headersWithPrefix(rawHeaders, prefix))) {
        extra[key] = [...(extra[key] ?? []), ...values]
      }
    }
    const groups = groupHeaders.flatMap((header) => headerValues(rawHeaders, header)).filter((group) => group !== '')
    const user = { name, uid: first(uidHeaders), groups, extra }
    for (const header of Object.keys(request.headers)) if (this.#isOwnHeader(header)) delete request.headers[header]
    return { user }
  }

  #checkProxy({ peerCertificate, peerIntermediates, peerAuthorized }: AuthenticationRequest): void {
    const { verifier, allowedNames, clock } = this.#options
    const validity = peerAuthorized ? verifier().verify(peerCertificate!, peerIntermediates) : undefined
    const now = clock.now()
    if (!validity || now < validity.from || now > validity.to) {
      throw new AuthenticationError('not a certificate of the front proxy CA')
    }
    const name = commonNameOf(peerCertificate!)
    if (allowedNames.length === 0 || allowedNames.includes(name)) return
    throw new AuthenticationError(`x509: subject with cn=${name} is not in the allowed list`)
  }

  #isOwnHeader(header: string): boolean {
    const { usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes } = this.#options
    return (
      usernameHeaders.includes(header) ||
      uidHeaders.includes(header) ||
      groupHeaders.includes(header) ||
      extraHeaderPrefixes.some((prefix) => header.startsWith(prefix))
    )
  }
}
