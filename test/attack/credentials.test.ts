import { createHmac, generateKeyPairSync, sign as rsaSign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CertificateAuthority, type KeyPair } from '../../src/cluster/pki/certificate-authority.ts'
import { ADMIN, AuthServer, JANE } from '../suites/auth-server.ts'

let server: AuthServer
let token: string
let publicKey: string

beforeAll(async () => {
  server = await AuthServer.start()
  await server.admin('POST', '/api/v1/namespaces', { metadata: { name: 'dev' } })
  await server.admin('POST', '/api/v1/namespaces/dev/serviceaccounts', { metadata: { name: 'robot' } })
  token = await server.token('dev', 'robot')
  const { createPublicKey } = await import('node:crypto')
  const key = createPublicKey(readFileSync(join(server.folder, 'pki/sa.key'), 'utf8'))
  publicKey = key.export({ type: 'spki', format: 'pem' }) as string
})

afterAll(async () => {
  await server.stop()
})

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
const parts = (): [string, string, string] => token.split('.') as [string, string, string]
const claims = (): Record<string, unknown> => decode(parts()[1])
const bearer = (text: string): Promise<string | number> => server.whoAmI({ token: text })

describe('tokens of service accounts', () => {
  test('a good one gets in', async () => {
    expect(await bearer(token)).toBe('system:serviceaccount:dev:robot')
  })

  test('signed by a key of one’s own: 401, with and without the name of the right key', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    for (const header of [decode(parts()[0]), { alg: 'RS256' }, { alg: 'RS256', kid: 'other' }]) {
      const input = `${encode(header)}.${parts()[1]}`
      const signature = rsaSign('sha256', Buffer.from(input), privateKey).toString('base64url')
      expect(await bearer(`${input}.${signature}`)).toBe(401)
    }
  })

  test.each(['none', 'None', 'NONE', 'nOnE'])('alg=%s: 401, whatever the signature', async (alg) => {
    for (const signature of ['', parts()[2]])
      expect(await bearer(`${encode({ alg })}.${parts()[1]}.${signature}`)).toBe(401)
  })

  test('HMAC with the public key as its secret: 401', async () => {
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
    ] as const) {
      const input = `${encode({ ...decode(parts()[0]), alg })}.${parts()[1]}`
      const signature = createHmac(hash, publicKey).update(input).digest('base64url')
      expect(await bearer(`${input}.${signature}`)).toBe(401)
    }
  })

  test('a key of one’s own in the header: 401', async () => {
    const { privateKey, publicKey: own } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const input = `${encode({ alg: 'RS256', jwk: own.export({ format: 'jwk' }) })}.${parts()[1]}`
    expect(await bearer(`${input}.${rsaSign('sha256', Buffer.from(input), privateKey).toString('base64url')}`)).toBe(
      401,
    )
  })

  test('headers that name a key, or where to find one: 401, and nobody goes there', async () => {
    const { privateKey, publicKey: own } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    let visits = 0
    const trap = createServer((_request, response) => {
      visits++
      response.end(JSON.stringify({ keys: [own.export({ format: 'jwk' })] }))
    })
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`
    const { kid } = decode(parts()[0])
    const certificate = (await server.frontProxy.issueClient({ user: 'x' })).certificate.replace(
      /-----[^-]+-----|\s/g,
      '',
    )
    const headers = [
      { jku: url },
      { jku: url, kid },
      { x5u: url },
      { x5c: [certificate] },
      { jwk: own.export({ format: 'jwk' }), kid },
      ...[
        '../../../../dev/null',
        '/dev/null',
        "' OR '1'='1",
        '__proto__',
        'constructor',
        '',
        '\u0000',
        'x'.repeat(4096),
      ].map((id) => ({ kid: id })),
      { kid: { id: kid } },
      { kid: [kid] },
      { kid, b64: false, crit: ['b64'] },
      { kid, zip: 'DEF' },
      { kid, typ: 'at+jwt', cty: 'JWT' },
    ]
    for (const header of headers) {
      const input = `${encode({ alg: 'RS256', ...header })}.${parts()[1]}`
      const signature = rsaSign('sha256', Buffer.from(input), privateKey).toString('base64url')
      expect(await bearer(`${input}.${signature}`), JSON.stringify(header).slice(0, 80)).toBe(401)
      expect(await bearer(`${input}.${parts()[2]}`)).toBe(401)
    }
    await new Promise((resolve) => trap.close(resolve))
    expect(visits).toBe(0)
  })

  test('in other places than the Authorization header: nobody', async () => {
    for (const name of ['access_token', 'token', 'bearer']) {
      expect((await server.ask({ path: `/api/v1/secrets?${name}=${token}` })).status).toBe(403)
    }
    for (const scheme of ['Token', 'Basic', 'JWT', 'Negotiate', 'Bearer,', ''])
      expect([401, 403]).toContain(
        (await server.ask({ path: '/api/v1/secrets', headers: { authorization: `${scheme} ${ADMIN}` } })).status,
      )
    const cookie = { cookie: `authorization=Bearer ${ADMIN}; token=${ADMIN}` }
    expect((await server.ask({ path: '/api/v1/secrets', headers: cookie })).status).toBe(403)
  })

  test('claims that were changed under the signature: 401', async () => {
    const own = claims()
    const changed = [
      { ...own, sub: 'system:serviceaccount:kube-system:default' },
      { ...own, exp: 9_999_999_999 },
      { ...own, aud: ['vault'] },
      { ...own, iss: 'kubernetes/serviceaccount' },
    ]
    for (const payload of changed) expect(await bearer(`${parts()[0]}.${encode(payload)}.${parts()[2]}`)).toBe(401)
  })

  test('truncated, with more parts, with junk, oversized: refused', async () => {
    const [head, body, signature] = parts()
    const bad = [
      token.slice(0, -1),
      token.slice(0, token.length / 2),
      `${head}.${body}`,
      `${head}.${body}.`,
      `${token}.${signature}`,
      `${head}..${signature}`,
      `.${body}.${signature}`,
      `${head}.${body}.${signature}=`.replace('=', '!'),
      '..',
      'a.b.c',
      `${encode({ alg: 'RS256', crit: ['x'], x: 1 })}.${body}.${signature}`,
    ]
    for (const text of bad) expect(await bearer(text), text.slice(0, 40)).toBe(401)
    expect(await bearer(`${head}.${'A'.repeat(14_000)}.${signature}`)).toBe(401)
    expect([400, 401, 431]).toContain(await bearer('A'.repeat(200_000)).catch(() => 431))
  })

  test('for another audience: 401', async () => {
    expect(await bearer(await server.token('dev', 'robot', { audiences: ['vault'] }))).toBe(401)
  })

  test('bound to an object that is gone, or made anew: 401', async () => {
    const secret = { metadata: { name: 'anchor' } }
    await server.admin('POST', '/api/v1/namespaces/dev/secrets', secret)
    const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name: 'anchor' }
    const bound = await server.token('dev', 'robot', { boundObjectRef })
    expect(await bearer(bound)).toBe('system:serviceaccount:dev:robot')
    await server.admin('DELETE', '/api/v1/namespaces/dev/secrets/anchor')
    expect(await bearer(bound)).toBe(401)
    await server.admin('POST', '/api/v1/namespaces/dev/secrets', secret)
    expect(await bearer(bound)).toBe(401)
  })

  test('of a deleted service account: 401, also once one of the same name exists', async () => {
    const accounts = '/api/v1/namespaces/dev/serviceaccounts'
    await server.admin('POST', accounts, { metadata: { name: 'gone' } })
    const stolen = await server.token('dev', 'gone')
    expect(await bearer(stolen)).toBe('system:serviceaccount:dev:gone')
    await server.admin('DELETE', `${accounts}/gone`)
    expect(await bearer(stolen)).toBe(401)
    await server.admin('POST', accounts, { metadata: { name: 'gone' } })
    expect(await bearer(stolen)).toBe(401)
  })
})

describe('every refusal says the same', () => {
  test('and nothing of why', async () => {
    const answers = await Promise.all(
      [token.slice(0, -4), 'nope', 'abcdef.0123456789abcdef', `${encode({ alg: 'none' })}.${parts()[1]}.`].map((text) =>
        server.ask({ path: '/api', token: text }),
      ),
    )
    for (const { status, body } of answers) {
      expect(status).toBe(401)
      expect(body).toEqual({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'Unauthorized',
        reason: 'Unauthorized',
        code: 401,
      })
    }
  })
})

describe('bootstrap tokens', () => {
  const secret = (name: string, data: Record<string, string>, type = 'bootstrap.kubernetes.io/token'): object => ({
    metadata: { name, namespace: 'kube-system' },
    type,
    stringData: data,
  })
  const good = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:workers',
  }

  test('a good one gets in; wrong, expired, for other uses, of another type: 401', async () => {
    const secrets = '/api/v1/namespaces/kube-system/secrets'
    await server.admin('POST', secrets, secret('bootstrap-token-abcdef', good))
    expect(await bearer('abcdef.0123456789abcdef')).toBe('system:bootstrap:abcdef')
    expect(await bearer('abcdef.0123456789abcdee')).toBe(401)
    expect(await bearer('abcdee.0123456789abcdef')).toBe(401)
    const variants: [string, Record<string, string>, string?][] = [
      ['expire', { ...good, 'token-id': 'expire', expiration: '2020-01-01T00:00:00Z' }],
      ['badexp', { ...good, 'token-id': 'badexp', expiration: 'soon' }],
      ['nouses', { ...good, 'token-id': 'nouses', 'usage-bootstrap-authentication': 'false' }],
      ['master', { ...good, 'token-id': 'master', 'auth-extra-groups': 'system:masters' }],
      ['opaque', { ...good, 'token-id': 'opaque' }, 'Opaque'],
    ]
    for (const [id, data, type] of variants) {
      await server.admin('POST', secrets, secret(`bootstrap-token-${id}`, data, type))
      expect(await bearer(`${id}.0123456789abcdef`), id).toBe(401)
    }
  })
})

describe('certificates', () => {
  const as = (certificate: KeyPair): Promise<string | number> => server.whoAmI({ certificate })

  test('of the cluster’s CA: in, with groups from its organizations', async () => {
    const authority = await server.pki.authority()
    const pair = await authority.issueClient({ user: 'dora', groups: ['system:masters'] })
    expect(await as(pair)).toBe('dora')
    const list = await server.ask({ path: '/api/v1/secrets', certificate: pair })
    expect(list.status).toBe(200)
  })

  test('of another CA of the same name: 401', async () => {
    const other = await CertificateAuthority.create('kubernetes')
    expect(await as(await other.issueClient({ user: 'admin', groups: ['system:masters'] }))).toBe(401)
  })

  test('expired, and not valid yet: 401', async () => {
    const { pair } = await server.pki.authority()
    const year = 365 * 86_400_000
    for (const shift of [-2 * year, year / 2]) {
      const shifted = await CertificateAuthority.load(pair, () => Date.now() + shift)
      expect(await as(await shifted.issueClient({ user: 'admin', groups: ['system:masters'] }))).toBe(401)
    }
  })

  test('for servers: 401', async () => {
    const authority = await server.pki.authority()
    const pair = await authority.issueServing({ commonName: 'admin', dnsNames: ['admin'], ipAddresses: [] })
    expect(await as(pair)).toBe(401)
  })

  test('signed by a client’s certificate: 401', async () => {
    const authority = await server.pki.authority()
    const mallory = await CertificateAuthority.load(await authority.issueClient({ user: 'mallory' }))
    const forged = await mallory.issueClient({ user: 'admin', groups: ['system:masters'] })
    const chain = `${forged.certificate}\n${mallory.pair.certificate}`
    expect(await as({ certificate: chain, privateKey: forged.privateKey })).toBe(401)
  })

  test('of the front proxy CA is no user: 401', async () => {
    expect(await as(await server.frontProxy.issueClient({ user: 'admin', groups: ['system:masters'] }))).toBe(401)
  })

  test('a bad one with a good token: the token counts', async () => {
    const other = await CertificateAuthority.create('kubernetes')
    const certificate = await other.issueClient({ user: 'admin' })
    expect(await server.whoAmI({ certificate, token: JANE })).toBe('jane')
  })

  test('names with what text forms escape stay what they are', async () => {
    const authority = await server.pki.authority()
    for (const user of ['a,O=system:masters', 'a\nO=system:masters', 'a + O=system:masters', 'a"\\b', '#x', 'zoë']) {
      const certificate = await authority.issueClient({ user })
      expect(await as(certificate)).toBe(user)
      expect((await server.ask({ path: '/api/v1/secrets', certificate })).status).toBe(403)
    }
  })
})
