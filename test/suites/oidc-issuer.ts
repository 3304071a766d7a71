import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { CertificateAuthority } from '../../src/cluster/pki/certificate-authority.ts'

interface SigningKey {
  readonly id: string
  readonly privateKey: KeyObject
  readonly jwk: object
}

/** An OpenID Connect issuer: discovery, keys, tokens with any claims. */
export class OidcIssuer {
  readonly url: string
  /** CA of its certificate, in PEM. */
  readonly ca: string
  /** How often its keys were fetched. */
  keyRequests = 0
  /** What is answered instead of the keys. */
  keysAnswer: { readonly status: number } | undefined
  readonly #server: Server
  #key = newKey('k1')
  #keys = [this.#key]
  readonly #claims = new Map<string, { readonly accessToken: string; readonly text: string }>()

  private constructor(server: Server, ca: string) {
    this.#server = server
    this.ca = ca
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => {
      const claim = this.#claims.get(request.url ?? '')
      if (claim) {
        const isAllowed = claim.accessToken === '' || request.headers.authorization === `Bearer ${claim.accessToken}`
        response.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/jwt' }).end(claim.text)
        return
      }
      const isKeys = request.url === '/keys'
      if (isKeys) this.keyRequests++
      if (isKeys && this.keysAnswer) {
        response.writeHead(this.keysAnswer.status).end()
        return
      }
      const document = isKeys
        ? { keys: this.#keys.map((key) => key.jwk) }
        : { issuer: this.url, jwks_uri: `${this.url}/keys`, id_token_signing_alg_values_supported: ['RS256'] }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
    })
  }

  static async start(): Promise<OidcIssuer> {
    const authority = await CertificateAuthority.create('issuer-ca')
    const pair = await authority.issueServing({ commonName: 'issuer', dnsNames: [], ipAddresses: ['127.0.0.1'] })
    const server = createServer({ cert: pair.certificate, key: pair.privateKey })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new OidcIssuer(server, authority.pair.certificate)
  }

  /** Signs with another key from now on; the former ones are published no more where `drop` says so. */
  rotate(id: string, { drop = false }: { readonly drop?: boolean } = {}): void {
    this.#key = newKey(id)
    this.#keys = drop ? [this.#key] : [...this.#keys, this.#key]
  }

  /** Claims that are to be had under a path, signed, for whoever has the access token; resolves with the URL. */
  publish(path: string, claims: object, accessToken = ''): string {
    this.#claims.set(path, { accessToken, text: this.token(claims) })
    return `${this.url}${path}`
  }

  /** A token that is good for five minutes, for the client `kubemu`, unless `claims` say otherwise. */
  token(claims: object): string {
    const { id, privateKey } = this.#key
    const now = Math.floor(Date.now() / 1000)
    const payload = { iss: this.url, aud: 'kubemu', iat: now, exp: now + 300, ...claims }
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ alg: 'RS256', kid: id })}.${encode(payload)}`
    return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function newKey(id: string): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { id, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: id, use: 'sig', alg: 'RS256' } }
}
