import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
