import type { AuthenticationRequest } from './authenticator.ts'

/** The bearer token of a request; undefined where it has none. */
export function bearerTokenOf(request: AuthenticationRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return request.protocolToken
  const parts = header.trim().split(' ')
  if (parts.length < 2 || parts[0]!.toLowerCase() !== 'bearer') return request.protocolToken
  const token = parts[1]!
  return token === '' ? undefined : token
}
