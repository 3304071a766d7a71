import { generateKeyPairSync } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { LEGACY_ISSUER } from '../../src/auth/authn/service-account/service-account-claims.ts'
import { loadServiceAccountKeys } from '../../src/auth/authn/service-account/signing-keys.ts'
import { TokenIssuer } from '../../src/auth/authn/service-account/token-issuer.ts'
import { ADMIN, AuthServer } from '../suites/auth-server.ts'

const ISSUER = 'https://kubernetes.default.svc'
const pemOf = (type: 'rsa' | 'ec'): { readonly key: string; readonly pub: string } => {
  const { privateKey, publicKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    pub: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  }
}
const [former, current] = [pemOf('rsa'), pemOf('ec')]
const FILES = { 'former.pub': former.pub, 'current.key': current.key, 'current.pub': current.pub }

let server: AuthServer | undefined

afterEach(async () => {
  await server?.stop()
})

const issuerOf = (key: string, issuer = ISSUER): TokenIssuer => {
  const keys = loadServiceAccountKeys(key, [])
  return new TokenIssuer(issuer, async () => keys)
}

/** A server that knows these flags, and a token of its service account that was signed with the former key. */
async function start(
  ...flags: readonly string[]
): Promise<{ readonly server: AuthServer; readonly formerToken: string }> {
  const started = await AuthServer.start(['--authorization-mode=RBAC', ...flags], FILES)
  server = started
  await started.admin('POST', '/api/v1/namespaces', { metadata: { name: 'dev' } })
  const path = '/api/v1/namespaces/dev/serviceaccounts'
  const account = await started.admin('POST', path, { metadata: { name: 'robot' } })
  const { uid } = account['metadata'] as { readonly uid: string }
  const now = Math.floor(Date.now() / 1000)
  const formerToken = await issuerOf(former.key).issue({
    aud: [ISSUER],
    exp: now + 600,
    iat: now,
    nbf: now,
    jti: 'j',
    sub: 'system:serviceaccount:dev:robot',
    'kubernetes.io': { namespace: 'dev', serviceaccount: { name: 'robot', uid } },
  })
  return { server: started, formerToken }
}

test('tokens of a former key are taken as long as its public half is given, and both are published', async () => {
  const { server, formerToken } = await start(
    '--service-account-signing-key-file={folder}/current.key',
    '--service-account-key-file={folder}/former.pub',
    '--service-account-key-file={folder}/current.pub',
  )
  expect(await server.whoAmI({ token: formerToken })).toBe('system:serviceaccount:dev:robot')
  const token = await server.token('dev', 'robot')
  expect(await server.whoAmI({ token })).toBe('system:serviceaccount:dev:robot')
  const { body } = await server.ask({ path: '/openid/v1/jwks', token: ADMIN })
  const keys = body?.['keys'] as readonly Readonly<Record<string, unknown>>[]
  expect(keys.map(({ kty, alg, use }) => [kty, alg, use])).toEqual([
    ['RSA', 'RS256', 'sig'],
    ['EC', 'ES256', 'sig'],
  ])
  const header = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as Record<string, unknown>
  expect(header).toEqual({ alg: 'ES256', kid: keys[1]!['kid'] })
  expect(keys.every((key) => !('d' in key))).toBe(true)
  const configuration = await server.ask({ path: '/.well-known/openid-configuration', token: ADMIN })
  expect(configuration.body).toMatchObject({
    issuer: ISSUER,
    id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    jwks_uri: `${server.url}/openid/v1/jwks`,
  })
})

test('and no longer', async () => {
  const { server, formerToken } = await start('--service-account-signing-key-file={folder}/current.key')
  expect(await server.whoAmI({ token: formerToken })).toBe(401)
  expect(await server.whoAmI({ token: await server.token('dev', 'robot') })).toBe('system:serviceaccount:dev:robot')
})

test('--service-account-lookup=false: a token that would lie in a Secret counts without it', async () => {
  const account = { namespace: 'dev', name: 'robot', uid: 'u', secretName: 's' }
  const token = await issuerOf(current.key, LEGACY_ISSUER).issueLegacy(account)
  const signing = '--service-account-signing-key-file={folder}/current.key'
  const { server } = await start(signing)
  expect(await server.whoAmI({ token })).toBe(401)
  await server.stop()
  const { server: trusting } = await start(signing, '--service-account-lookup=false')
  expect(await trusting.whoAmI({ token })).toBe('system:serviceaccount:dev:robot')
})

test('--service-account-max-token-expiration shortens what is asked for, with a warning', async () => {
  const { server } = await start('--service-account-max-token-expiration=1h')
  const path = '/api/v1/namespaces/dev/serviceaccounts/robot/token'
  const body = { spec: { expirationSeconds: 7200 } }
  const answer = await server.ask({ method: 'POST', path, body, token: ADMIN })
  expect(answer.body?.['spec']).toMatchObject({ expirationSeconds: 3600 })
  expect(answer.headers['warning']).toBe('299 - "requested expiration of 7200 seconds shortened to 3600 seconds"')
})

test('a token for less than ten minutes or more than 2^32 seconds is refused; an hour is the default', async () => {
  const { server } = await start()
  const path = '/api/v1/namespaces/dev/serviceaccounts/robot/token'
  const ask = (spec: object) => server.ask({ method: 'POST', path, body: { spec }, token: ADMIN })
  expect((await ask({})).body?.['spec']).toMatchObject({ expirationSeconds: 3600 })
  for (const [expirationSeconds, text] of [
    [599, 'may not specify a duration less than 10 minutes'],
    [2 ** 32 + 1, 'may not specify a duration larger than 2^32 seconds'],
  ] as const) {
    const { status, body } = await ask({ expirationSeconds })
    expect(status).toBe(422)
    expect(body?.['message']).toContain(`spec.expirationSeconds: Invalid value: ${expirationSeconds}: ${text}`)
  }
})

test('a TokenReview without a token is a bad request', async () => {
  const { server } = await start()
  const path = '/apis/authentication.k8s.io/v1/tokenreviews'
  const { status, body } = await server.ask({ method: 'POST', path, body: { spec: {} }, token: ADMIN })
  expect([status, body?.['message']]).toEqual([400, 'token is required for TokenReview in authentication'])
})
