import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { ADMIN, AuthServer, BOB, JANE } from '../suites/auth-server.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const jane = { kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }
const bob = { ...jane, name: 'bob' }

let server: AuthServer

beforeAll(async () => {
  server = await AuthServer.start()
  for (const name of ['dev', 'prod']) await server.admin('POST', '/api/v1/namespaces', { metadata: { name } })
  await server.admin('POST', '/api/v1/namespaces/prod/secrets', {
    metadata: { name: 's' },
    stringData: { a: 'hidden' },
  })
  await server.admin('POST', '/api/v1/namespaces/dev/configmaps', { metadata: { name: 'c' } })
  await server.grant('dev', 'maps', jane, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }])
})

afterAll(async () => {
  await server.stop()
})

describe('headers', () => {
  const proxied = ['X-Remote-User', 'admin', 'X-Remote-Group', 'system:masters']

  test('a front proxy’s, without its certificate: anonymous', async () => {
    expect((await server.ask({ path: '/api/v1/secrets', headers: proxied })).status).toBe(403)
    expect(await server.whoAmI({ headers: proxied })).toBe(403)
  })

  test('with a client’s certificate, or a proxy’s whose name is not allowed: not the user that they name', async () => {
    const client = await (await server.pki.authority()).issueClient({ user: 'dora' })
    expect(await server.whoAmI({ headers: proxied, certificate: client })).toBe('dora')
    const other = await server.frontProxy.issueClient({ user: 'someone' })
    expect(await server.whoAmI({ headers: proxied, certificate: other })).toBe(401)
  })

  test('with the proxy’s certificate: the user that they name', async () => {
    const certificate = await server.frontProxy.issueClient({ user: 'proxy' })
    expect(await server.whoAmI({ headers: proxied, certificate })).toBe('admin')
    expect((await server.ask({ path: '/api/v1/secrets', headers: proxied, certificate })).status).toBe(200)
  })

  test.each([
    [['Impersonate-User', 'admin']],
    [['impersonate-user', 'admin', 'impersonate-group', 'system:masters']],
    [['IMPERSONATE-USER', 'jane', 'Impersonate-Group', 'system:masters']],
    [['Impersonate-User', 'system:serviceaccount:kube-system:default']],
    [['Impersonate-User', 'system:node:n1']],
    [['Impersonate-User', 'jane', 'Impersonate-Uid', 'uid-admin']],
    [['Impersonate-User', 'jane', 'Impersonate-Extra-scopes', 'all']],
  ])('%j without the right to it: 403', async (headers) => {
    for (const token of [JANE, BOB]) {
      const { status } = await server.ask({ path: '/api/v1/namespaces/prod/secrets', headers, token })
      expect(status).toBe(403)
    }
  })

  test('impersonation without a user: 400, never the requestor’s own rights with more groups', async () => {
    const headers = ['Impersonate-Group', 'system:masters']
    expect((await server.ask({ path: '/api/v1/secrets', headers, token: JANE })).status).toBe(400)
  })

  test('a name is what it is, escaped or not, and in UTF-8', async () => {
    const nameOf = (name: string): Promise<string | number> =>
      server.whoAmI({ headers: ['Impersonate-User', Buffer.from(name).toString('latin1')], token: ADMIN })
    for (const name of ['ad%6Din', 'ADMIN', 'admin%00', 'zoë', '管理者', 'аdmin']) expect(await nameOf(name)).toBe(name)
    // Spaces around a header's value are no part of it.
    expect(await nameOf(' jane ')).toBe('jane')
  })

  test('the key of what more is said of a user is judged as it is read', async () => {
    const rules = [
      { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['jane'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['userextras/a'], verbs: ['impersonate'] },
    ]
    const subjects = [bob]
    await server.admin('POST', `${RBAC}/clusterroles`, { metadata: { name: 'be-jane' }, rules })
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'be-jane' }
    await server.admin('POST', `${RBAC}/clusterrolebindings`, { metadata: { name: 'be-jane' }, roleRef, subjects })
    const as = (...headers: string[]): Promise<string | number> =>
      server.whoAmI({ headers: ['Impersonate-User', 'jane', ...headers], token: BOB })
    expect(await as()).toBe('jane')
    expect(await as('Impersonate-Extra-a', 'v')).toBe('jane')
    expect(await as('Impersonate-Extra-%61', 'v')).toBe('jane')
    for (const key of ['scopes', 'sc%6Fpes', 'SCOPES', '%73copes', 'a%2fb', 'a%00', '%zz', '', '__proto__'])
      expect(await as(`Impersonate-Extra-${key}`, 'v'), key).toBe(403)
    for (const groups of [['system:masters'], ['dev', 'system:masters'], ['']])
      expect(await as(...groups.flatMap((g) => ['Impersonate-Group', g]))).toBe(403)
    expect(await as('Impersonate-User', 'admin')).toBe('jane')
    await server.admin('DELETE', `${RBAC}/clusterrolebindings/be-jane`)
  })

  test('the rights of an impersonator are given up', async () => {
    const headers = ['Impersonate-User', 'jane']
    expect((await server.ask({ path: '/api/v1/secrets', headers, token: ADMIN })).status).toBe(403)
  })

  test('two Authorization headers: never the better one', async () => {
    const both = ['authorization', `Bearer ${JANE}`, 'authorization', `Bearer ${ADMIN}`]
    const { status } = await server.ask({ path: '/api/v1/secrets', headers: both })
    expect([400, 401, 403]).toContain(status)
  })
})

describe('paths', () => {
  const secret = '/api/v1/namespaces/prod/secrets/s'

  test.each([
    '//api/v1/namespaces/prod/secrets/s',
    '/api//v1/namespaces/prod/secrets/s',
    '/api/v1//namespaces/prod/secrets/s',
    '/api/v1/namespaces/dev/../prod/secrets/s',
    '/api/v1/namespaces/dev/configmaps/../../prod/secrets/s',
    '/api/v1/namespaces/dev/configmaps/..%2f..%2fprod%2fsecrets%2fs',
    '/api/v1/namespaces/dev/configmaps/%2e%2e/%2e%2e/prod/secrets/s',
    '/api/v1/namespaces/dev/configmaps/c%2f..%2f..%2f..%2fprod/secrets/s',
    '/api/v1/namespaces/prod/secrets/s/',
    '/api/v1/namespaces/prod/secrets/s%00',
    '/api/v1/namespaces/prod/secrets%00/s',
    '/api/v1/namespaces/prod/Secrets/s',
    '/API/v1/namespaces/prod/secrets/s',
    '/api/v1/namespaces/prod/secrets/s?namespace=dev',
    '/api/v1/namespaces/prod/secrets/s;x=y',
    '/api/v1/namespaces/prod%2fsecrets%2fs',
    '/%61pi/v1/namespaces/prod/secrets/s',
    '/api/v1/watch/namespaces/prod/secrets/s',
    '/api/v1/proxy/namespaces/prod/secrets/s',
    '/healthz/../api/v1/namespaces/prod/secrets/s',
    '/version/..%2fapi/v1/namespaces/prod/secrets/s',
    '/api/v1/namespaces/prod/secrets/%',
    '/api/v1/namespaces/prod/secrets/%zz',
    'https://127.0.0.1/api/v1/namespaces/prod/secrets/s',
  ])('%s gives jane nothing', async (path) => {
    const answer = await server.ask({ path, token: JANE })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.text).not.toContain(Buffer.from('hidden').toString('base64'))
  })

  test('the secret is there for who may see it', async () => {
    expect((await server.ask({ path: secret, token: ADMIN })).text).toContain(Buffer.from('hidden').toString('base64'))
  })

  test('a method that stands for another is none', async () => {
    const headers = ['x-http-method-override', 'GET', 'x-method-override', 'GET']
    const path = '/api/v1/namespaces/dev/configmaps/c'
    expect((await server.ask({ method: 'DELETE', path, headers, token: JANE })).status).toBe(403)
    expect((await server.ask({ method: 'GET', path, token: JANE })).status).toBe(200)
  })
})

describe('over HTTP/2', () => {
  const secrets = '/api/v1/namespaces/prod/secrets'
  let session: ClientHttp2Session

  beforeAll(() => {
    session = connect(server.url, { ca: server.ca })
  })

  afterAll(() => {
    session.destroy()
  })

  function statusOf(headers: OutgoingHttpHeaders): Promise<number> {
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':path': secrets, ...headers })
      stream.on('response', ({ ':status': status }) => resolve(status ?? 0))
      stream.on('error', reject)
      stream.resume().end()
    })
  }

  test('the same tokens, the same rules', async () => {
    const bearer = (token: string): OutgoingHttpHeaders => ({ authorization: `Bearer ${token}` })
    expect(await statusOf(bearer(ADMIN))).toBe(200)
    expect(await statusOf(bearer(JANE))).toBe(403)
    expect(await statusOf(bearer('wrong'))).toBe(401)
    expect(await statusOf({})).toBe(403)
    expect(
      await statusOf({ ...bearer(JANE), 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' }),
    ).toBe(403)
    expect(await statusOf({ 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' })).toBe(403)
    expect(await statusOf({ ...bearer(ADMIN), 'impersonate-user': Buffer.from('zoë').toString('latin1') })).toBe(403)
  })

  test.each([
    '//api/v1/namespaces/prod/secrets',
    '/api/v1/namespaces/dev/../prod/secrets',
    '/api/v1/namespaces/dev/..%2fprod/secrets',
    '/api/v1/namespaces/prod/secrets%00',
    '/API/v1/namespaces/prod/secrets',
    '/healthz/../api/v1/namespaces/prod/secrets',
  ])('%s gives jane nothing', async (path) => {
    const status = await statusOf({ ':path': path, authorization: `Bearer ${JANE}` })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  })
})

describe('a token in a WebSocket’s subprotocols', () => {
  const PREFIX = 'base64url.bearer.authorization.k8s.io.'
  const encoded = (token: string): string => PREFIX + Buffer.from(token).toString('base64url')

  /** Status of the refusal. */
  function upgrade(protocols: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
    const url = `${server.url.replace('https:', 'wss:')}/api/v1/namespaces/prod/pods/p/exec?command=sh&stdout=1`
    const socket = new WebSocket(url, [...protocols], { ca: server.ca })
    return new Promise((resolve, reject) => {
      socket.on('open', () => reject(new Error('let in')))
      socket.on('error', () => {})
      socket.on('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
      })
    })
  }

  test('is a token: its user is told what it may not', async () => {
    const { status, text } = await upgrade([encoded(JANE), 'v5.channel.k8s.io'])
    expect(status).toBe(403)
    expect(text).toContain('User \\"jane\\" cannot get resource \\"pods/exec\\"')
    expect((await upgrade(['v5.channel.k8s.io'])).text).toContain('system:anonymous')
  })

  test.each([
    ['is wrong', [encoded('wrong'), 'v5.channel.k8s.io']],
    ['comes twice', [encoded(JANE), encoded(ADMIN), 'v5.channel.k8s.io']],
    ['comes alone', [encoded(ADMIN)]],
    ['is no base64url', [`${PREFIX}%%%`, 'v5.channel.k8s.io']],
    ['is no UTF-8', [`${PREFIX}_w`, 'v5.channel.k8s.io']],
  ])('that %s: 401', async (_, protocols) => {
    if (protocols[0] === `${PREFIX}%%%`) {
      const headers = ['connection', 'upgrade', 'upgrade', 'websocket', 'sec-websocket-protocol', protocols.join(', ')]
      const path = '/api/v1/namespaces/prod/pods/p/exec'
      expect((await server.ask({ path, headers })).status).toBe(401)
      return
    }
    expect((await upgrade(protocols)).status).toBe(401)
  })

  test('counts for nothing where no WebSocket is asked for', async () => {
    const headers = { 'sec-websocket-protocol': `${encoded(ADMIN)}, v5.channel.k8s.io` }
    expect((await server.ask({ path: '/api/v1/namespaces/prod/secrets', headers })).status).toBe(403)
  })
})

describe('escalation', () => {
  const rolebindings = `${RBAC}/namespaces/dev/rolebindings`
  const binding = (name: string, kind: string, role: string, subject: object = jane): object => ({
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
    subjects: [subject],
  })

  beforeAll(async () => {
    const all = {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['*'],
      verbs: ['get', 'create', 'update', 'patch', 'delete'],
    }
    await server.grant('dev', 'rbac-editor', jane, [all])
  })

  test.each([
    [
      'a role with more',
      `${RBAC}/namespaces/dev/roles`,
      { metadata: { name: 'x' }, rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] },
    ],
    [
      'a role with everything',
      `${RBAC}/namespaces/dev/roles`,
      { metadata: { name: 'x' }, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
    ],
    [
      'a role with the verb bind',
      `${RBAC}/namespaces/dev/roles`,
      {
        metadata: { name: 'x' },
        rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['bind', 'escalate'] }],
      },
    ],
    ['a binding to cluster-admin', rolebindings, binding('x', 'ClusterRole', 'cluster-admin')],
    ['a binding to edit, for another', rolebindings, binding('x', 'ClusterRole', 'edit', bob)],
    ['a cluster-wide binding', `${RBAC}/clusterrolebindings`, binding('x', 'ClusterRole', 'view')],
    ['a cluster role', `${RBAC}/clusterroles`, { metadata: { name: 'x' }, rules: [] }],
  ])('%s: 403', async (_, path, body) => {
    expect((await server.ask({ method: 'POST', path, body, token: JANE })).status).toBe(403)
    expect((await server.ask({ method: 'POST', path: `${path}?dryRun=All`, body, token: JANE })).status).toBe(403)
  })

  test('by update, patch and apply: 403', async () => {
    const path = `${RBAC}/namespaces/dev/roles/maps`
    const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['*'] }]
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'maps', namespace: 'dev' },
      rules,
    }
    expect((await server.ask({ method: 'PUT', path, body: role, token: JANE })).status).toBe(403)
    for (const type of ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml']) {
      const answer = await server.ask({
        method: 'PATCH',
        path: type === 'apply-patch+yaml' ? `${path}?fieldManager=m&force=true` : path,
        headers: ['content-type', `application/${type}`],
        body: role,
        token: JANE,
      })
      expect(answer.status, type).toBe(403)
    }
    const created = `${RBAC}/namespaces/dev/roles/new-by-apply?fieldManager=m`
    expect(
      (
        await server.ask({
          method: 'PUT',
          path: created.split('?')[0]!,
          body: { ...role, metadata: { name: 'new-by-apply' } },
          token: JANE,
        })
      ).status,
    ).toBe(403)
    expect((await server.ask({ path: '/api/v1/namespaces/dev/secrets', token: JANE })).status).toBe(403)
  })

  test('is refused before the resourceVersion is looked at, as upstream', async () => {
    const path = `${RBAC}/namespaces/dev/roles/maps`
    const metadata = { name: 'maps', namespace: 'dev', resourceVersion: '1' }
    const secrets = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]
    const greedy = await server.ask({ method: 'PUT', path, body: { metadata, rules: secrets }, token: JANE })
    expect(greedy.status).toBe(403)
    expect(greedy.body?.['message']).toBe(
      'roles.rbac.authorization.k8s.io "maps" is forbidden: user "jane" (groups=["dev" "qa" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    )
    expect((await server.ask({ method: 'PUT', path, body: { metadata, rules: [] }, token: JANE })).status).toBe(409)
  })

  test('the verb escalate on one name counts for the name in the path, also where a PUT creates', async () => {
    const rbac = 'rbac.authorization.k8s.io'
    const escalate = { apiGroups: [rbac], resources: ['roles'], verbs: ['escalate'], resourceNames: ['mine'] }
    await server.grant('dev', 'escalates-mine', jane, [escalate])
    const rules = [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }]
    const put = (name: string): Promise<number> => {
      const path = `${RBAC}/namespaces/dev/roles/${name}`
      return server.ask({ method: 'PUT', path, body: { metadata: { name }, rules }, token: JANE }).then((a) => a.status)
    }
    expect(await put('other')).toBe(403)
    expect(await put('mine')).toBe(201)
    const post = { method: 'POST', path: `${RBAC}/namespaces/dev/roles`, body: { metadata: { name: 'mine' }, rules } }
    expect((await server.ask({ ...post, token: JANE })).status).toBe(403)
    await server.admin('DELETE', `${RBAC}/namespaces/dev/roles/escalates-mine`)
  })

  test('what jane has herself she may give on', async () => {
    const body = binding('give', 'Role', 'maps', bob)
    expect((await server.ask({ method: 'POST', path: rolebindings, body, token: JANE })).status).toBe(201)
    expect((await server.ask({ path: '/api/v1/namespaces/dev/configmaps/c', token: BOB })).status).toBe(200)
  })

  test('a token of a more powerful service account: 403', async () => {
    await server.admin('POST', '/api/v1/namespaces/dev/serviceaccounts', { metadata: { name: 'boss' } })
    const path = '/api/v1/namespaces/dev/serviceaccounts/boss/token'
    expect((await server.ask({ method: 'POST', path, body: { spec: {} }, token: JANE })).status).toBe(403)
  })
})

describe('revocation', () => {
  test('the next request after a binding is gone is refused, fifty times over', async () => {
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]
    const path = '/api/v1/namespaces/prod/configmaps'
    for (let i = 0; i < 50; i++) {
      await server.grant('prod', `r${i}`, bob, rules)
      expect((await server.ask({ path, token: BOB })).status).toBe(200)
      await server.admin('DELETE', `${RBAC}/namespaces/prod/rolebindings/r${i}`)
      expect((await server.ask({ path, token: BOB })).status).toBe(403)
    }
  })
})
