import { methodNotAllowed } from '../apimachinery/api-error.ts'
import { jwksOf, type ServiceAccountKeys } from '../auth/authn/service-account/signing-keys.ts'
import type { PathHandler } from './api-server.ts'
import { requireAccepted } from './negotiation/accept.ts'

const CONFIGURATION = '/.well-known/openid-configuration'
const JWKS = '/openid/v1/jwks'

/** How long relying parties may keep what they read here. */
const CACHE_CONTROL = 'public, max-age=3600'

export interface OidcDiscoveryOptions {
  /** Issuer of the tokens of service accounts. */
  readonly issuer: string
  /** Where the keys are to be had (`--service-account-jwks-uri`); undefined: here. */
  readonly jwksUri: string | undefined
  readonly keys: () => Promise<ServiceAccountKeys>
  /** `host:port` under which clients reach this server. */
  readonly address: () => string
}

/**
 * Lets others verify the tokens of service accounts: OpenID Connect Discovery 1.0 as far as that needs it.
 *
 * @see kubernetes pkg/serviceaccount/openidmetadata.go
 */
export function oidcDiscovery({ issuer, jwksUri, keys, address }: OidcDiscoveryOptions): PathHandler {
  return {
    matches: (path) => [CONFIGURATION, JWKS].includes(path.replace(/\/$/, '')),
    async handle({ info, reply, request }) {
      if (request.method !== 'GET') throw methodNotAllowed()
      const contentType = info.path.startsWith(JWKS) ? 'application/jwk-set+json' : 'application/json'
      requireAccepted(request.headers.accept, contentType)
      reply.header('cache-control', CACHE_CONTROL).header('content-type', contentType)
      const known = await keys()
      if (info.path.startsWith(JWKS)) {
        reply.send(Buffer.from(JSON.stringify(jwksOf(known))))
        return
      }
      const configuration = {
        issuer,
        jwks_uri: jwksUri ?? `https://${address()}${JWKS}`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: [...new Set(known.verification.map((k) => k.algorithm))].sort(),
      }
      reply.send(Buffer.from(JSON.stringify(configuration)))
    },
  }
}
