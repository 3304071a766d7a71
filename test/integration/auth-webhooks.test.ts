import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ADMIN, AuthServer, JANE } from '../suites/auth-server.ts'
import { OidcIssuer } from '../suites/oidc-issuer.ts'
import { ReviewWebhook } from '../suites/review-webhook.ts'

let issuer: OidcIssuer
let tokens: ReviewWebhook
let access: ReviewWebhook
let audit: ReviewWebhook
let server: AuthServer

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  resources: [{group: "", resources: [configmaps]}]
- level: None
  users: [carol]
- level: Metadata
`

beforeAll(async () => {
  issuer = await OidcIssuer.start()
  tokens = await ReviewWebhook.start()
  access = await ReviewWebhook.start()
  audit = await ReviewWebhook.start()
  server = await AuthServer.start(
    [
      '--authorization-mode=RBAC,ABAC,Webhook',
      '--authorization-policy-file={folder}/policy.jsonl',
      '--authorization-webhook-config-file={folder}/access.kubeconfig',
      '--authorization-webhook-version=v1',
      '--authentication-token-webhook-config-file={folder}/tokens.kubeconfig',
      '--authentication-token-webhook-version=v1',
      `--oidc-issuer-url=${issuer.url}`,
      '--oidc-client-id=kubemu',
      '--oidc-ca-file={folder}/issuer.crt',
      '--oidc-username-claim=email',
      '--oidc-groups-claim=groups',
      '--oidc-groups-prefix=oidc:',
      '--oidc-required-claim=tenant=acme',
      '--audit-policy-file={folder}/audit.yaml',
      '--audit-log-path={folder}/audit.log',
      '--audit-webhook-config-file={folder}/audit.kubeconfig',
      '--audit-webhook-batch-max-size=1',
    ],
    {
      'issuer.crt': issuer.ca,
      'tokens.kubeconfig': tokens.kubeconfig,
      'access.kubeconfig': access.kubeconfig,
      'audit.kubeconfig': audit.kubeconfig,
      'audit.yaml': POLICY,
      'policy.jsonl':
        '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"carol","namespace":"dev","resource":"configmaps","readonly":true}}\n',
    },
  )
  await server.admin('POST', '/api/v1/namespaces', { metadata: { name: 'dev' } })
}, 60_000)

afterAll(async () => {
  await server.stop()
  await Promise.all([issuer.stop(), tokens.stop(), access.stop(), audit.stop()])
})

beforeEach(() => {
  for (const hook of [tokens, access]) {
    hook.asked.length = 0
    hook.code = 200
    hook.answer = () => ({})
  }
})

const MAPS = '/api/v1/namespaces/dev/configmaps'

describe('OpenID Connect', () => {
  const claims = {
    email: 'zoe@example.com',
    email_verified: true,
    groups: ['admins', 'ops'],
    tenant: 'acme',
    jti: 'j1',
  }

  test('claims make the user', async () => {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
    const { body } = await server.ask({ method: 'POST', path, body: {}, token: issuer.token(claims) })
    expect(body?.['status']).toEqual({
      userInfo: {
        username: 'zoe@example.com',
        groups: ['oidc:admins', 'oidc:ops', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j1'] },
      },
    })
  })

  test.each<[string, object]>([
    ['another audience', { aud: 'other' }],
    ['expired', { exp: 1000 }],
    ['no expiry', { exp: undefined }],
    ['another tenant', { tenant: 'evil' }],
    ['no tenant', { tenant: undefined }],
    ['an email that is not verified', { email_verified: false }],
    ['no name', { email: undefined }],
    ['groups that are no strings', { groups: [{ name: 'system:masters' }] }],
    ['not valid yet', { nbf: 9_999_999_999 }],
  ])('%s: 401', async (_, changed) => {
    expect(await server.whoAmI({ token: issuer.token({ ...claims, ...changed }) })).toBe(401)
  })

  test('many tokens of unknown keys do not make it fetch the keys each time', async () => {
    const before = issuer.keyRequests
    const good = issuer.token(claims)
    const [, payload, signature] = good.split('.')
    for (let i = 0; i < 20; i++) {
      const head = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `x${i}` })).toString('base64url')
      expect(await server.whoAmI({ token: `${head}.${payload}.${signature}` })).toBe(401)
    }
    expect(issuer.keyRequests - before).toBeLessThan(10)
    expect(await server.whoAmI({ token: good })).toBe('zoe@example.com')
  })

  test('tokens of a key that the issuer has turned to are taken, those of the former as long as it publishes that', async () => {
    const former = issuer.token(claims)
    issuer.rotate('k2')
    const next = issuer.token(claims)
    const timeout = 15_000
    await expect.poll(() => server.whoAmI({ token: next }), { timeout }).toBe('zoe@example.com')
    expect(await server.whoAmI({ token: former })).toBe('zoe@example.com')
    issuer.rotate('k3', { drop: true })
    await expect.poll(() => server.whoAmI({ token: issuer.token(claims) }), { timeout }).toBe('zoe@example.com')
    expect(await server.whoAmI({ token: next })).toBe(401)
  })

  test('an issuer whose keys are not to be had lets nobody in, and is no error of the server', async () => {
    issuer.keysAnswer = { status: 500 }
    issuer.rotate('k4')
    expect(await server.whoAmI({ token: issuer.token(claims) })).toBe(401)
    issuer.keysAnswer = undefined
    await expect.poll(() => server.whoAmI({ token: issuer.token(claims) }), { timeout: 15_000 }).toBe('zoe@example.com')
  })

  describe('groups that the token only says where to find', () => {
    const { groups: _groups, ...others } = claims
    const groupsOf = async (endpoint: string | undefined, accessToken?: string): Promise<unknown> => {
      const source = { ...(endpoint ? { endpoint } : {}), ...(accessToken ? { access_token: accessToken } : {}) }
      const distributed = { ...others, _claim_names: { groups: 'src1' }, _claim_sources: { src1: source } }
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
      const answer = await server.ask({ method: 'POST', path, body: {}, token: issuer.token(distributed) })
      const review = answer.body as
        | { readonly status?: { readonly userInfo?: { readonly groups?: unknown } } }
        | undefined
      return answer.status === 201 ? review?.status?.userInfo?.groups : answer.status
    }

    test('are fetched, with the access token that it names', async () => {
      const url = issuer.publish('/claims/a', { groups: ['team1', 'team2'] }, 'open-sesame')
      expect(await groupsOf(url, 'open-sesame')).toEqual(['oidc:team1', 'oidc:team2', 'system:authenticated'])
      expect(await groupsOf(url, 'wrong')).toBe(401)
    })

    test('count only where they are signed, for this client, not expired, and there', async () => {
      expect(await groupsOf(issuer.publish('/claims/b', { groups: ['g'], aud: 'another' }))).toBe(401)
      expect(await groupsOf(issuer.publish('/claims/c', { groups: ['g'], exp: 1000 }))).toBe(401)
      expect(await groupsOf(issuer.publish('/claims/d', { teams: ['g'] }))).toBe(401)
      expect(await groupsOf(issuer.publish('/claims/e', { groups: ['g'], iss: 'https://127.0.0.1:1' }))).toBe(401)
      expect(await groupsOf(`${issuer.url}/keys`)).toBe(401)
      expect(await groupsOf('no url')).toBe(401)
      expect(await groupsOf(undefined)).toEqual(['system:authenticated'])
    })

    test('are not looked for where the token has them', async () => {
      const sources = {
        _claim_names: { groups: 'src1' },
        _claim_sources: { src1: { endpoint: 'https://127.0.0.1:1' } },
      }
      expect(await server.whoAmI({ token: issuer.token({ ...claims, ...sources }) })).toBe('zoe@example.com')
    })
  })
})

describe('token review webhook', () => {
  test('is asked with the token and the audiences, once while its answer counts', async () => {
    tokens.answer = () => ({ authenticated: true, user: { username: 'hank', uid: 'h', groups: ['hooked'] } })
    for (let i = 0; i < 3; i++) expect(await server.whoAmI({ token: 'hook-token' })).toBe('hank')
    expect(tokens.asked).toHaveLength(1)
    expect(tokens.asked[0]).toMatchObject({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'hook-token', audiences: ['https://kubernetes.default.svc'] },
    })
  })

  test('is not asked for what is known here', async () => {
    expect(await server.whoAmI({ token: JANE })).toBe('jane')
    expect(tokens.asked).toHaveLength(0)
  })

  test.each([
    ['says no', () => ({ authenticated: false, error: 'secret reason' })],
    ['says nothing', () => ({})],
    ['answers for other audiences', () => ({ authenticated: true, user: { username: 'x' }, audiences: ['other'] })],
    ['has the wrong type', () => ({ authenticated: 'true', user: { username: 'x' } })],
  ])('%s: 401, without its reason', async (name, answer) => {
    tokens.answer = answer
    const result = await server.ask({ path: '/api', token: `refused-${name}` })
    expect(result.status).toBe(401)
    expect(result.text).not.toContain('secret reason')
  })

  test('that fails: 401', async () => {
    tokens.code = 403
    expect(await server.whoAmI({ token: 'hook-fails' })).toBe(401)
  })
})

describe('authorizers in their order', () => {
  const carol = `Basic ${Buffer.from('carol:carols-password').toString('base64')}`

  test('ABAC lets carol read config maps of dev, and the webhook is not asked', async () => {
    expect((await server.ask({ path: MAPS, headers: { authorization: carol } })).status).toBe(200)
    expect(access.asked).toHaveLength(0)
  })

  test('what nobody allows is refused with the reasons of all', async () => {
    access.answer = () => ({ allowed: false, reason: 'hook says no' })
    const { status, body } = await server.ask({
      path: '/api/v1/namespaces/dev/secrets',
      headers: { authorization: carol },
    })
    expect(status).toBe(403)
    expect(body?.['message']).toBe(
      'secrets is forbidden: User "carol" cannot list resource "secrets" in API group "" in the namespace "dev": No policy matched.\nhook says no',
    )
  })

  test('the webhook is asked with user, resource and selectors, and its allow counts for a while', async () => {
    access.answer = () => ({ allowed: true, reason: 'hook says yes' })
    const path = '/api/v1/namespaces/dev/pods?labelSelector=a%3Db,c&fieldSelector=spec.nodeName%3Dn1'
    for (let i = 0; i < 3; i++) expect((await server.ask({ path, token: JANE })).status).toBe(200)
    expect(access.asked).toHaveLength(1)
    expect(access.asked[0]?.spec).toEqual({
      resourceAttributes: {
        namespace: 'dev',
        verb: 'list',
        version: 'v1',
        resource: 'pods',
        fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }] },
        labelSelector: {
          requirements: [
            { key: 'a', operator: 'In', values: ['b'] },
            { key: 'c', operator: 'Exists' },
          ],
        },
      },
      user: 'jane',
      uid: 'uid-jane',
      groups: ['dev', 'qa', 'system:authenticated'],
    })
  })

  test('a deny is a deny; a deny that also allows is an error, as upstream', async () => {
    access.answer = () => ({ denied: true, reason: 'never' })
    const { status, body } = await server.ask({ path: '/api/v1/namespaces/dev/events', token: JANE })
    expect(status).toBe(403)
    expect(body?.['message']).toMatch(/in the namespace "dev": never$/)
    access.answer = () => ({ allowed: true, denied: true })
    expect((await server.ask({ path: '/api/v1/namespaces/dev/services', token: JANE })).status).toBe(500)
  })

  test('a webhook that fails allows nothing', async () => {
    access.code = 404
    const { status } = await server.ask({ path: '/api/v1/namespaces/dev/endpoints', token: JANE })
    expect([403, 500]).toContain(status)
  })

  test('a rules review says that it is incomplete', async () => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
    const { body } = await server.ask({
      method: 'POST',
      path,
      body: { spec: { namespace: 'dev' } },
      headers: { authorization: carol },
    })
    expect(body?.['status']).toMatchObject({
      incomplete: true,
      evaluationError: 'webhook authorizer does not support user rule resolution',
    })
    const { resourceRules } = body!['status'] as { readonly resourceRules: readonly object[] }
    expect(resourceRules).toContainEqual({
      verbs: ['get', 'list', 'watch'],
      apiGroups: [''],
      resources: ['configmaps'],
    })
  })
})

describe('audit', () => {
  interface Event {
    readonly auditID: string
    readonly stage: string
    readonly level: string
    readonly user: { readonly username?: string }
    readonly impersonatedUser?: { readonly username?: string }
    readonly requestObject?: unknown
    readonly responseObject?: { readonly metadata?: Readonly<Record<string, unknown>> }
    readonly responseStatus?: Readonly<Record<string, unknown>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  const events = async (auditID: string): Promise<Event[]> => {
    const text = await readFile(join(server.folder, 'audit.log'), 'utf8')
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event)
      .filter((event) => event.auditID === auditID)
  }

  test('a create is written with both objects; the ID goes in and out', async () => {
    const answer = await server.ask({
      method: 'POST',
      path: MAPS,
      headers: { 'audit-id': 'id-1' },
      body: { metadata: { name: 'a' }, data: { x: 'y' } },
      token: ADMIN,
    })
    expect(answer.headers['audit-id']).toBe('id-1')
    await expect.poll(() => events('id-1')).toHaveLength(1)
    const [event] = await events('id-1')
    expect(event).toMatchObject({
      stage: 'ResponseComplete',
      level: 'RequestResponse',
      verb: 'create',
      user: { username: 'admin', uid: 'uid-admin' },
      objectRef: { resource: 'configmaps', namespace: 'dev', apiVersion: 'v1' },
      responseStatus: { metadata: {}, code: 201 },
      requestObject: { metadata: { name: 'a' }, data: { x: 'y' } },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
    })
    expect(event?.responseObject?.metadata).toHaveProperty('uid')
    expect(event?.responseObject?.metadata).not.toHaveProperty('managedFields')
  })

  test('metadata holds no object; a refusal says why; impersonation names both', async () => {
    const headers = { 'audit-id': 'id-2', 'impersonate-user': 'nobody' }
    await server.ask({ path: '/api/v1/namespaces/dev/secrets', headers, token: ADMIN })
    await expect.poll(() => events('id-2')).toHaveLength(1)
    const [event] = await events('id-2')
    expect(event?.user.username).toBe('admin')
    expect(event?.impersonatedUser?.username).toBe('nobody')
    expect(event?.responseStatus).toMatchObject({ status: 'Failure', reason: 'Forbidden', code: 403 })
    expect(event).not.toHaveProperty('requestObject')
    expect(event).not.toHaveProperty('responseObject')
  })

  test('a bad credential is written without it', async () => {
    await server.ask({ path: '/api', headers: { 'audit-id': 'id-3' }, token: 'very-secret' })
    await expect.poll(() => events('id-3')).toHaveLength(1)
    const [event] = await events('id-3')
    expect(event?.responseStatus).toMatchObject({ code: 401, message: 'Unauthorized' })
    expect(JSON.stringify(event)).not.toContain('very-secret')
  })

  test('rules that say None keep a user out of it', async () => {
    const authorization = `Basic ${Buffer.from('carol:carols-password').toString('base64')}`
    await server.ask({ path: '/version', headers: { 'audit-id': 'id-4', authorization } })
    await server.ask({ path: '/version', headers: { 'audit-id': 'id-5' }, token: JANE })
    await expect.poll(() => events('id-5')).toHaveLength(1)
    expect(await events('id-4')).toHaveLength(0)
  })

  test('the webhook gets the same events', async () => {
    const sent = () => audit.asked.flatMap((list) => (list as unknown as { readonly items: readonly Event[] }).items)
    const own = () => sent().find((event) => event.auditID === 'id-1')
    // Batches are held back where too many come at once.
    await expect.poll(own, { timeout: 20_000 }).toEqual((await events('id-1'))[0])
  })
})
