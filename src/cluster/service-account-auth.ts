import { generateKeyPair } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { VirtualHandlers } from '../api/api-resource.ts'
import type { PathHandler } from '../api/api-server.ts'
import { oidcDiscovery } from '../api/oidc-discovery.ts'
import { tokenRequest } from '../api/virtual/token-request.ts'
import type { Clock } from '../apimachinery/clock.ts'
import { cloneJson } from '../apimachinery/clone.ts'
import { JwtVerifier } from '../auth/authn/service-account/jwt-verifier.ts'
import { LegacyTokenAuthenticator } from '../auth/authn/service-account/legacy-token.ts'
import { ServiceAccountTokenAuthenticator } from '../auth/authn/service-account/service-account-token.ts'
import { loadServiceAccountKeys, type ServiceAccountKeys } from '../auth/authn/service-account/signing-keys.ts'
import { TokenIssuer } from '../auth/authn/service-account/token-issuer.ts'
import type { TokenAuthenticator } from '../auth/authn/token-authenticator.ts'
import type { Registry } from '../registry/generic/registry.ts'
import type { ServiceAccountOptions } from './auth-options.ts'
import { systemContext } from './bootstrap/ensure.ts'
import { registryObjectReader } from './registry-object-reader.ts'

/** Everything around the tokens of service accounts: keys, issuing, verifying, discovery. */
export class ServiceAccountAuth {
  readonly issuer: TokenIssuer
  readonly #options: ServiceAccountOptions
  readonly #audiences: readonly string[]
  readonly #ownKey: () => Promise<string>
  #keys: Promise<ServiceAccountKeys> | undefined

  /** `ownKey` makes or reads the private key (PEM) that signs where the options name none. */
  constructor(options: ServiceAccountOptions, audiences: readonly string[], ownKey: () => Promise<string>) {
    this.#options = options
    this.#audiences = audiences
    this.#ownKey = ownKey
    this.issuer = new TokenIssuer(options.issuers[0]!, this.keys)
  }

  /** Loaded, or made, when first asked for. */
  readonly keys = (): Promise<ServiceAccountKeys> => {
    this.#keys ??= this.#load()
    return this.#keys
  }

  authenticators(registry: Registry, clock: Clock): TokenAuthenticator[] {
    const verifier = new JwtVerifier(this.keys)
    const common = { audiences: this.#audiences, verifier, objects: registryObjectReader(registry), clock }
    return [
      new LegacyTokenAuthenticator({
        ...common,
        lookup: this.#options.lookup,
        markUsed: (namespace, name, label, day) => void labelSecret(registry, namespace, name, label, day),
      }),
      new ServiceAccountTokenAuthenticator({ ...common, issuers: this.#options.issuers }),
    ]
  }

  tokenRequests(registry: Registry, clock: Clock): VirtualHandlers {
    return tokenRequest({
      registry,
      clock,
      issuer: this.issuer,
      audiences: this.#audiences,
      maxSeconds: this.#options.maxTokenSeconds,
      extendExpiration: this.#options.extendExpiration,
    })
  }

  discovery(address: () => string): PathHandler {
    const { issuers, jwksUri } = this.#options
    return oidcDiscovery({ issuer: issuers[0]!, jwksUri, keys: this.keys, address })
  }

  async #load(): Promise<ServiceAccountKeys> {
    const { keyFiles, signingKeyFile } = this.#options
    const read = (file: string): Promise<string> => readFile(file, 'utf8')
    const verification = await Promise.all(keyFiles.map(read))
    if (signingKeyFile) return loadServiceAccountKeys(await read(signingKeyFile), verification)
    return loadServiceAccountKeys(await this.#ownKey(), verification)
  }
}

const RSA_BITS = 2048

/** A new private key for tokens of service accounts, in PEM. Takes a good part of a second, off the main thread. */
export async function newServiceAccountKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return privateKey
}

async function labelSecret(
  registry: Registry,
  namespace: string,
  name: string,
  label: string,
  value: string,
): Promise<void> {
  try {
    await registry.backing('', 'secrets')!.store.update(systemContext(namespace), name, {
      updatedObject: (existing) => {
        const object = cloneJson(existing!)
        object.metadata.labels = { ...object.metadata.labels, [label]: value }
        return object
      },
    })
  } catch {
    // The secret has gone meanwhile, or can't be written: the label is for information only.
  }
}
