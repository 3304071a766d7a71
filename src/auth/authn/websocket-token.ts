import type { IncomingHttpHeaders } from 'node:http'
import { andThen, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
} from './authenticator.ts'
import { authenticateBearer } from './bearer-token.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

const PREFIX = 'base64url.bearer.authorization.k8s.io.'

/**
 * Takes a bearer token from the subprotocols of a WebSocket request: browsers can't send an Authorization header there.
 * A good one is removed from the header, so that it is neither seen nor echoed further on.
 *
 * @see apiserver pkg/authentication/request/websocket/protocol.go
 */
export class WebSocketTokenAuthenticator implements Authenticator {
  readonly name = 'websocket-token'
  readonly #tokens: TokenAuthenticator
  readonly #audiences: readonly string[]

  constructor(tokens: TokenAuthenticator, audiences: readonly string[]) {
    this.#tokens = tokens
    this.#audiences = audiences
  }

  authenticate({ headers }: AuthenticationRequest): MaybePromise<Authenticated | undefined> {
    if (!isWebSocketRequest(headers)) return undefined
    const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim())
    const tokens = protocols.filter((p) => p.startsWith(PREFIX)).map((p) => p.slice(PREFIX.length))
    const others = protocols.filter((p) => p !== '' && !p.startsWith(PREFIX))
    if (tokens.length > 1) throw new AuthenticationError('multiple base64.bearer.authorization tokens specified')
    const token = tokens.length === 0 ? '' : decodeToken(tokens[0]!)
    if (token === '') return undefined
    if (others.length === 0) throw new AuthenticationError('missing additional subprotocol')
    return andThen(authenticateBearer(this.#tokens, token, this.#audiences), (authenticated) => {
      headers['sec-websocket-protocol'] = others.join(',')
      return authenticated
    })
  }
}

function isWebSocketRequest({ connection = '', upgrade = '' }: IncomingHttpHeaders): boolean {
  return upgrade.toLowerCase() === 'websocket' && /(^|[\s,])upgrade($|[\s,])/i.test(connection)
}

function decodeToken(encoded: string): string {
  if (!/^[A-Za-z0-9_-]*$/.test(encoded)) {
    throw new AuthenticationError('invalid base64.bearer.authorization token encoding')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url'))
  } catch (error) {
    throw new AuthenticationError('invalid base64.bearer.authorization token', { cause: error })
  }
}
