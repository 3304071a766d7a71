import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { systemClock } from '../src/apimachinery/clock.ts'
import type { KubeObject } from '../src/apimachinery/kube-object.ts'
import type { UserInfo } from '../src/apimachinery/user-info.ts'
import type { AuthenticationRequest, Authenticator } from '../src/auth/authn/authenticator.ts'
import { BasicAuthenticator } from '../src/auth/authn/basic.ts'
import { BearerTokenAuthenticator } from '../src/auth/authn/bearer-token.ts'
import { CertificateVerifier } from '../src/auth/authn/certificate-chain.ts'
import { JwtVerifier } from '../src/auth/authn/service-account/jwt-verifier.ts'
import { ServiceAccountTokenAuthenticator } from '../src/auth/authn/service-account/service-account-token.ts'
import { loadServiceAccountKeys } from '../src/auth/authn/service-account/signing-keys.ts'
import { TokenIssuer } from '../src/auth/authn/service-account/token-issuer.ts'
import { TokenFileAuthenticator } from '../src/auth/authn/token-file.ts'
import { WebhookTokenAuthenticator } from '../src/auth/authn/webhook-token.ts'
import { X509Authenticator } from '../src/auth/authn/x509.ts'
import { AbacAuthorizer } from '../src/auth/authz/abac.ts'
import type { AuthorizationAttributes, Authorizer } from '../src/auth/authz/authorizer.ts'
import { NodeAuthorizer } from '../src/auth/authz/node/node-authorizer.ts'
import { NodeUsage } from '../src/auth/authz/node/node-usage.ts'
import { RbacAuthorizer } from '../src/auth/authz/rbac/rbac-authorizer.ts'
import { RbacPolicy } from '../src/auth/authz/rbac/rbac-policy.ts'
import { CertificateAuthority } from '../src/cluster/pki/certificate-authority.ts'
import { type Report, round, type Table } from './report.ts'

const AUDIENCES = ['https://kubernetes.default.svc']
const ISSUER = AUDIENCES[0]!

/** Microseconds that a call takes, from as many as fit into a while. */
async function micros(call: (i: number) => unknown, forMs: number): Promise<number> {
  for (let i = 0; i < 200; i++) await call(i)
  const start = performance.now()
  let calls = 0
  while (performance.now() - start < forMs) {
    for (let i = 0; i < 50; i++) {
      const answer = call(calls++)
      if (answer instanceof Promise) await answer
    }
  }
  return ((performance.now() - start) * 1000) / calls
}

function request(authorization?: string, peerCertificate?: X509Certificate): AuthenticationRequest {
  const headers = authorization === undefined ? {} : { authorization }
  return { headers, rawHeaders: [], peerCertificate, peerIntermediates: [], peerAuthorized: true }
}

interface Mechanism {
  readonly name: string
  /** The same credential again and again. */
  cached(): unknown
  /** A credential that was not seen before. */
  fresh?(i: number): unknown
}

async function mechanisms(): Promise<Mechanism[]> {
  const bearer = (
    token: Parameters<typeof tokenRequest>[1],
    tokens: ConstructorParameters<typeof BearerTokenAuthenticator>[0],
  ) => tokenRequest(new BearerTokenAuthenticator(tokens, AUDIENCES), token)
  const lines = Array.from({ length: 1000 }, (_, i) => `token-${i},user-${i},uid-${i},"dev,qa"`).join('\n')
  const file = bearer('token-500', new TokenFileAuthenticator(lines))
  const basic = new BasicAuthenticator('password,jane,u1,"dev"')
  const basicRequest = request(`Basic ${Buffer.from('jane:password').toString('base64')}`)
  return [
    { name: 'token file, 1,000 tokens', cached: file },
    { name: 'basic', cached: () => basic.authenticate(basicRequest) },
    await certificates(),
    await serviceAccounts(),
    webhook(),
  ]
}

function tokenRequest(authenticator: Authenticator, token: string): () => unknown {
  const asked = request(`Bearer ${token}`)
  return () => authenticator.authenticate(asked)
}

async function certificates(): Promise<Mechanism> {
  const authority = await CertificateAuthority.create('kubernetes')
  const { certificate } = await authority.issueClient({ user: 'jane', groups: ['dev', 'qa'] })
  const verifier = new CertificateVerifier([authority.pair.certificate])
  const x509 = new X509Authenticator(() => verifier, systemClock)
  const known = request(undefined, new X509Certificate(certificate))
  return {
    name: 'client certificate (per connection: new)',
    cached: () => x509.authenticate(known),
    fresh: () => x509.authenticate(request(undefined, new X509Certificate(certificate))),
  }
}

async function serviceAccounts(): Promise<Mechanism> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = loadServiceAccountKeys(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, [])
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', uid: 'u' } }
  const issuer = new TokenIssuer(ISSUER, async () => keys)
  const now = Math.floor(Date.now() / 1000)
  const issue = (jti: string): Promise<string> =>
    issuer.issue({
      aud: AUDIENCES,
      exp: now + 3600,
      iat: now,
      nbf: now,
      jti,
      sub: 'system:serviceaccount:dev:robot',
      'kubernetes.io': { namespace: 'dev', serviceaccount: { name: 'robot', uid: 'u' } },
    })
  const tokens = new ServiceAccountTokenAuthenticator({
    issuers: [ISSUER],
    audiences: AUDIENCES,
    verifier: new JwtVerifier(async () => keys),
    objects: { read: () => account },
    clock: systemClock,
  })
  // More than are kept: each comes round when it has been forgotten.
  const many = await Promise.all(Array.from({ length: 5000 }, (_, i) => issue(`j${i}`)))
  const known = await issue('known')
  return {
    name: 'service account token, RS256',
    cached: () => tokens.authenticateToken(known, AUDIENCES),
    fresh: (i) => tokens.authenticateToken(many[i % many.length]!, AUDIENCES),
  }
}

function webhook(): Mechanism {
  const tokens = new WebhookTokenAuthenticator({
    reviewer: { review: async () => ({ authenticated: true, user: { username: 'jane' } }) },
    version: 'v1',
    audiences: AUDIENCES,
    cacheTtlMs: 120_000,
    clock: systemClock,
  })
  return {
    name: 'token review webhook (without the network)',
    cached: () => tokens.authenticateToken('known', AUDIENCES),
    fresh: (i) => tokens.authenticateToken(`t${i}-${Math.random()}`, AUDIENCES),
  }
}

function attributes(user: UserInfo, fields: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes {
  return {
    user,
    verb: 'get',
    isResourceRequest: true,
    path: '',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: 'ns-7',
    resource: 'pods',
    subresource: '',
    name: 'p',
    fieldSelector: '',
    labelSelector: '',
    ...fields,
  }
}

const userOf = (name: string, ...groups: string[]): UserInfo => ({ name, uid: '', groups, extra: {} })

/** So many bindings, spread over a hundred namespaces and as many users, each role with three rules. */
function rbac(bindings: number): Authorizer {
  const policy = new RbacPolicy()
  for (let i = 0; i < bindings; i++) {
    const namespace = `ns-${i % 100}`
    policy.setRole(namespace, `role-${i}`, [
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['*'] },
      { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'list'] },
      { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'] },
    ])
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `role-${i}` }
    policy.setBinding({ namespace, name: `b-${i}`, roleRef, subjects: [{ kind: 'User', name: `user-${i}` }] })
  }
  return new RbacAuthorizer(() => policy)
}

function abac(policies: number): Authorizer {
  const line = (i: number): string =>
    JSON.stringify({
      apiVersion: 'abac.authorization.kubernetes.io/v1beta1',
      kind: 'Policy',
      spec: { user: `user-${i}`, namespace: `ns-${i % 100}`, resource: 'pods', apiGroup: '' },
    })
  return new AbacAuthorizer(Array.from({ length: policies }, (_, i) => line(i)).join('\n'))
}

function nodes(pods: number): Authorizer {
  const usage = new NodeUsage()
  for (let i = 0; i < pods; i++) {
    usage.setPod({
      metadata: { namespace: `ns-${i % 100}`, name: `p-${i}` },
      spec: { nodeName: `n-${i % 50}`, containers: [], volumes: [{ name: 's', secret: { secretName: `s-${i}` } }] },
    })
  }
  return new NodeAuthorizer(() => usage, [])
}

/** Measures what telling clients apart, and judging what they may do, costs a request. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const forMs = quick ? 150 : 1000
  const authentication: string[][] = []
  for (const { name, cached, fresh } of await mechanisms()) {
    const freshly = fresh ? round(await micros(fresh, forMs)) : ''
    authentication.push([name, round(await micros(cached, forMs)), freshly])
  }
  const allowed = attributes(userOf('user-7', 'dev', 'system:authenticated'))
  const refused = attributes(userOf('user-7', 'dev', 'system:authenticated'), { verb: 'delete' })
  const node = userOf('system:node:n-7', 'system:nodes')
  const secret = attributes(node, { namespace: 'ns-7', resource: 'secrets', name: 's-7' })
  const authorizers: [string, Authorizer, AuthorizationAttributes, AuthorizationAttributes][] = [
    ['RBAC, 10 bindings', rbac(10), allowed, refused],
    ['RBAC, 10,000 bindings', rbac(10_000), allowed, refused],
    ['ABAC, 10 policies', abac(10), allowed, { ...refused, resource: 'secrets' }],
    ['ABAC, 1,000 policies', abac(1000), allowed, { ...refused, resource: 'secrets' }],
    ['Node, 10,000 pods', nodes(10_000), secret, { ...secret, name: 's-8' }],
  ]
  const authorization: string[][] = []
  for (const [name, authorizer, yes, no] of authorizers) {
    const measured = [
      await micros(() => authorizer.authorize(yes), forMs),
      await micros(() => authorizer.authorize(no), forMs),
    ]
    authorization.push([name, ...measured.map(round)])
  }
  const tables: Table[] = [
    {
      title: 'Authentication, microseconds per request',
      columns: ['credential', 'seen before', 'new'],
      rows: authentication,
    },
    {
      title: 'Authorization, microseconds per decision',
      columns: ['authorizer', 'allowed', 'refused'],
      rows: authorization,
    },
  ]
  const seen = (credential: string): string => `${authentication.find(([name]) => name!.startsWith(credential))![1]} µs`
  return {
    tables,
    headlines: [
      ['authentication, service account token seen before', seen('service account')],
      ['authentication, client certificate seen before', seen('client certificate')],
      ['RBAC decision, 10,000 bindings', `${authorization[1]![1]} µs`],
    ],
  }
}
