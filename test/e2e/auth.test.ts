import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { AuthServer, BOB, JANE } from '../suites/auth-server.ts'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { OidcIssuer } from '../suites/oidc-issuer.ts'
import { ReviewWebhook } from '../suites/review-webhook.ts'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')

let issuer: OidcIssuer
let policy: ReviewWebhook
let server: AuthServer
let admin: CommandLine

beforeAll(async () => {
  issuer = await OidcIssuer.start()
  policy = await ReviewWebhook.start()
  policy.answer = ({ spec }) => bobsPolicy(spec as unknown as AccessSpec)
  server = await AuthServer.start(
    [
      '--authorization-mode=Node,RBAC,ABAC,Webhook',
      '--authorization-webhook-config-file={folder}/policy.kubeconfig',
      '--authorization-webhook-version=v1',
      '--authorization-policy-file={folder}/policy.jsonl',
      `--oidc-issuer-url=${issuer.url}`,
      '--oidc-client-id=kubemu',
      '--oidc-ca-file={folder}/issuer.crt',
      '--oidc-username-prefix=oidc:',
    ],
    {
      'issuer.crt': issuer.ca,
      'policy.kubeconfig': policy.kubeconfig,
      'policy.jsonl':
        '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"carol","namespace":"dev","resource":"*","apiGroup":"*","readonly":true}}\n',
    },
    { controllers: true },
  )
  admin = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
  await admin.ok(['create', 'namespace', 'dev'])
  await admin.ok(['create', 'configmap', 'c', '-n', 'dev', '--from-literal=a=b'])
  await admin.ok(['create', 'serviceaccount', 'robot', '-n', 'dev'])
  await admin.ok(['create', 'role', 'reader', '-n', 'dev', '--verb=get,list', '--resource=configmaps'])
})

afterAll(async () => {
  await server.stop()
  await issuer.stop()
  await policy.stop()
})

interface AccessSpec {
  readonly user: string
  readonly resourceAttributes?: {
    readonly namespace?: string
    readonly verb: string
    readonly resource: string
  }
}

/** The webhook's: bob reads the ConfigMaps of dev, must not touch Secrets; of others it knows nothing. */
function bobsPolicy({ user, resourceAttributes: asked }: AccessSpec): object {
  if (user !== 'bob' || !asked) return { allowed: false }
  if (asked.resource === 'secrets') return { allowed: false, denied: true, reason: 'secrets are not for bob' }
  return { allowed: asked.namespace === 'dev' && asked.resource === 'configmaps' && asked.verb === 'get' }
}

/** kubectl with a kubeconfig whose user is `user`. */
async function kubectlAs(name: string, user: object): Promise<CommandLine> {
  const given = parse(await readFile(server.kubeconfig, 'utf8')) as { readonly clusters: readonly object[] }
  const path = join(server.folder, `${name}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: given.clusters,
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'kubemu', user: 'u', namespace: 'dev' } }],
  }
  await writeFile(path, JSON.stringify(config))
  return new CommandLine(kubectlBinary(), path, server.folder)
}

/** What kubectl prints, once it prints something. */
async function eventually(print: () => Promise<string>): Promise<string> {
  await expect.poll(print, { timeout: 30_000 }).not.toBe('')
  return (await print()).trim()
}

/** Reads what the reader may, and nothing else; is told so in upstream's words. */
async function reachesOnlyConfigMaps(kubectl: CommandLine, user: string): Promise<void> {
  expect(await kubectl.ok(['get', 'configmap', 'c', '-o', 'name'])).toBe('configmap/c\n')
  expect(await kubectl.ok(['auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}'])).toBe(user)
  expect(await kubectl.fails(['delete', 'configmap', 'c'])).toContain(
    `configmaps "c" is forbidden: User "${user}" cannot delete resource "configmaps" in API group "" in the namespace "dev"`,
  )
  expect(await kubectl.fails(['get', 'secrets'])).toContain(
    `secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" in the namespace "dev"`,
  )
  expect((await kubectl.run(['auth', 'can-i', 'get', 'configmaps'])).stdout).toBe('yes\n')
  const { code, stdout } = await kubectl.run(['auth', 'can-i', 'get', 'configmaps', '-n', 'default'])
  expect([code, stdout]).toEqual([1, 'no - No policy matched.\n'])
}

const bindReader = (name: string, subject: string): Promise<string> =>
  admin.ok(['create', 'rolebinding', name, '-n', 'dev', '--role=reader', subject])

describe('each kind of user reaches what its policy lets it, and no more', () => {
  test('a certificate of `kubemu kubeconfig`', async () => {
    await bindReader('cert', '--group=auditors')
    const path = join(server.folder, 'dora.kubeconfig')
    const args = ['kubeconfig', '--user=dora', '--group=auditors', '--namespace=dev']
    const target = [`--cert-dir=${join(server.folder, 'pki')}`, `--server=${server.url}`, `--kubeconfig=${path}`]
    await run(process.execPath, [PROGRAM, ...args, ...target])
    await reachesOnlyConfigMaps(new CommandLine(kubectlBinary(), path, server.folder), 'dora')
  })

  test('a static token', async () => {
    await bindReader('token', '--user=jane')
    await reachesOnlyConfigMaps(await kubectlAs('jane', { token: JANE }), 'jane')
  })

  test('a service account, with the token that kubectl creates', async () => {
    await bindReader('account', '--serviceaccount=dev:robot')
    const token = (await admin.ok(['create', 'token', 'robot', '-n', 'dev', '--duration=20m'])).trim()
    await reachesOnlyConfigMaps(await kubectlAs('robot', { token }), 'system:serviceaccount:dev:robot')
  })

  test('an OpenID Connect user', async () => {
    await bindReader('oidc', '--user=oidc:zoe')
    await reachesOnlyConfigMaps(await kubectlAs('zoe', { token: issuer.token({ sub: 'zoe' }) }), 'oidc:zoe')
  })

  test('a password, by an ABAC policy', async () => {
    const carol = await kubectlAs('carol', { username: 'carol', password: 'carols-password' })
    expect(await carol.ok(['get', 'configmap', 'c', '-o', 'name'])).toBe('configmap/c\n')
    expect(await carol.ok(['get', 'secrets', '-o', 'name'])).toBe('')
    expect(await carol.fails(['delete', 'configmap', 'c'])).toContain(
      'configmaps "c" is forbidden: User "carol" cannot delete resource "configmaps" in API group "" in the namespace "dev": No policy matched.',
    )
    const wrong = await kubectlAs('wrong', { username: 'carol', password: 'wrong' })
    expect(await wrong.fails(['get', 'configmaps'])).toContain('Unauthorized')
  })

  test('a webhook decides, and says why', async () => {
    const bob = await kubectlAs('bob', { token: BOB })
    expect(await bob.ok(['get', 'configmap', 'c', '-o', 'name'])).toBe('configmap/c\n')
    expect(await bob.fails(['delete', 'configmap', 'c'])).toContain(
      'configmaps "c" is forbidden: User "bob" cannot delete resource "configmaps" in API group "" in the namespace "dev": No policy matched.',
    )
    expect(await bob.fails(['get', 'secrets'])).toContain(
      'secrets is forbidden: User "bob" cannot list resource "secrets" in API group "" in the namespace "dev"',
    )
    const { code, stdout } = await bob.run(['auth', 'can-i', 'get', 'secrets'])
    expect(code).toBe(1)
    expect(stdout).toContain('secrets are not for bob')
  })
})

describe('kubectl auth', () => {
  test('can-i --list shows the rules of a user', async () => {
    const jane = await kubectlAs('jane-list', { token: JANE })
    const list = await jane.ok(['auth', 'can-i', '--list'])
    expect(list).toMatch(/configmaps +\[\] +\[\] +\[get list\]/)
    expect(list).toMatch(/\[\/healthz\] +\[\] +\[get\]/)
  })

  test('impersonation: --as and --as-group, as far as the administrator goes', async () => {
    expect((await admin.run(['auth', 'can-i', 'delete', 'nodes', '--as=jane'])).stdout).toBe(
      'no - No policy matched.\n',
    )
    const groups = await admin.ok([
      'auth',
      'whoami',
      '--as=jane',
      '--as-group=a',
      '--as-group=b',
      '-o',
      'jsonpath={.status.userInfo.groups}',
    ])
    expect(JSON.parse(groups)).toEqual(['a', 'b', 'system:authenticated'])
  })

  test('reconcile makes and completes roles and bindings', async () => {
    const file = join(server.folder, 'roles.yaml')
    const role = (verbs: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reconciled, namespace: dev}
rules:
- {apiGroups: [""], resources: [pods], verbs: [${verbs}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reconciled, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reconciled}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: rita}]
`
    await writeFile(file, role('get'))
    expect(await admin.ok(['auth', 'reconcile', '-f', file])).toContain('reconciled')
    await writeFile(file, role('get, list'))
    await admin.ok(['auth', 'reconcile', '-f', file])
    expect((await admin.run(['auth', 'can-i', 'list', 'pods', '-n', 'dev', '--as=rita'])).stdout).toBe('yes\n')
  })
})

test('a certificate signing request, approved, gives a user a certificate that works', async () => {
  const key = join(server.folder, 'ray.key')
  const openssl = ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-subj', '/O=auditors/CN=ray']
  const { stdout: csr } = await run('openssl', openssl)
  const request = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'ray' },
    spec: {
      request: Buffer.from(csr).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  }
  await admin.ok(['create', '-f', '-'], { stdin: JSON.stringify(request) })
  expect(await admin.ok(['certificate', 'approve', 'ray'])).toContain('approved')
  const issued = await eventually(() => admin.ok(['get', 'csr', 'ray', '-o', 'jsonpath={.status.certificate}']))
  expect(await admin.ok(['get', 'csr', 'ray'])).toContain('Approved,Issued')
  const ray = await kubectlAs('ray', {
    'client-certificate-data': issued,
    'client-key-data': (await readFile(key)).toString('base64'),
  })
  await reachesOnlyConfigMaps(ray, 'ray')
})

describe('a Secret of type kubernetes.io/service-account-token', () => {
  const manifest = (name: string, account: string): string => `
apiVersion: v1
kind: Secret
metadata:
  name: ${name}
  namespace: dev
  annotations: {kubernetes.io/service-account.name: ${account}}
type: kubernetes.io/service-account-token
`
  const filled = (name: string): Promise<string> =>
    eventually(() => admin.ok(['get', 'secret', name, '-n', 'dev', '-o', 'jsonpath={.data.token}']))

  test('is given a token that works until the Secret is deleted', async () => {
    await bindReader('fixed', '--serviceaccount=dev:fixed')
    await admin.ok(['create', 'serviceaccount', 'fixed', '-n', 'dev'])
    await admin.ok(['create', '-f', '-'], { stdin: manifest('fixed-token', 'fixed') })
    const token = Buffer.from(await filled('fixed-token'), 'base64').toString()
    const described = await admin.ok(['describe', 'secret', 'fixed-token', '-n', 'dev'])
    expect(described).toContain(`token:      ${token}`)
    expect(described).toMatch(/kubernetes\.io\/service-account\.uid: [0-9a-f-]{36}/)
    expect(described).toMatch(/ca\.crt: +\d+ bytes/)
    expect(described).toMatch(/namespace: +3 bytes/)
    const fixed = await kubectlAs('fixed', { token })
    await reachesOnlyConfigMaps(fixed, 'system:serviceaccount:dev:fixed')
    const today = await admin.ok(['get', 'secret', 'fixed-token', '-n', 'dev', '-o', 'jsonpath={.metadata.labels}'])
    expect(today).toContain('kubernetes.io/legacy-token-last-used')
    await admin.ok(['delete', 'secret', 'fixed-token', '-n', 'dev'])
    expect(await fixed.fails(['get', 'configmaps'])).toContain('Unauthorized')
  })

  test('goes with its account, and one for an account that is not there goes at once', async () => {
    await admin.ok(['create', 'serviceaccount', 'brief', '-n', 'dev'])
    await admin.ok(['create', '-f', '-'], { stdin: manifest('brief-token', 'brief') })
    await filled('brief-token')
    await admin.ok(['delete', 'serviceaccount', 'brief', '-n', 'dev'])
    await admin.ok(['create', '-f', '-'], { stdin: manifest('nobodys', 'nobody') })
    const left = (): Promise<string> => admin.ok(['get', 'secrets', '-n', 'dev', '-o', 'name'])
    await expect.poll(left, { timeout: 30_000 }).not.toMatch(/brief-token|nobodys/)
  })

  test('is taken out of the list of its account when it is deleted', async () => {
    await admin.ok(['create', 'serviceaccount', 'lists', '-n', 'dev'])
    await admin.ok(['create', '-f', '-'], { stdin: manifest('listed', 'lists') })
    await filled('listed')
    const secrets = '{"secrets":[{"name":"listed"},{"name":"another"}]}'
    await admin.ok(['patch', 'serviceaccount', 'lists', '-n', 'dev', '-p', secrets])
    await admin.ok(['delete', 'secret', 'listed', '-n', 'dev'])
    const names = (): Promise<string> =>
      admin.ok(['get', 'serviceaccount', 'lists', '-n', 'dev', '-o', 'jsonpath={.secrets[*].name}'])
    await expect.poll(names, { timeout: 30_000 }).toBe('another')
  })
})

test('what the server tells of itself in kube-system', async () => {
  const data = async (name: string): Promise<Record<string, string>> =>
    JSON.parse(await admin.ok(['get', 'configmap', name, '-n', 'kube-system', '-o', 'jsonpath={.data}'])) as Record<
      string,
      string
    >
  const trust = await data('extension-apiserver-authentication')
  expect(trust['client-ca-file']?.trim()).toBe(server.ca.trim())
  expect(trust['requestheader-client-ca-file']?.trim()).toBe(server.frontProxy.pair.certificate.trim())
  expect(trust['requestheader-username-headers']).toBe('["X-Remote-User"]')
  expect(trust['requestheader-allowed-names']).toBe('["proxy"]')
  const { since } = await data('kube-apiserver-legacy-service-account-token-tracking')
  expect(since).toMatch(/^\d{4}-\d{2}-\d{2}$/)
})
