import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { secrets } from './secret.ts'
import { type Manifest, StrategyRunner } from './strategy-runner.ts'
import { keyPairError } from './tls-key-pair.ts'

const runner = new StrategyRunner(secrets)
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const secret = (rest: Manifest): Manifest => ({ metadata: { name: 's', namespace: 'n' }, ...rest })

test('stringData goes into data, over what is there', () => {
  const { object } = runner.create(secret({ data: { a: 'eA==', b: 'eA==' }, stringData: { b: 'é' } }))
  expect(object).toMatchObject({ data: { a: 'eA==', b: 'w6k=' }, type: 'Opaque' })
  expect(object['stringData']).toBeUndefined()
})

test.each<[string, Manifest, string[]]>([
  [
    'no account',
    { type: 'kubernetes.io/service-account-token' },
    ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  ],
  ['no config', { type: 'kubernetes.io/dockercfg' }, ['data[.dockercfg]: Required value']],
  [
    'config that is no JSON',
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64('text') } },
    [
      "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'e' in literal true (expecting 'r')",
    ],
  ],
  [
    'neither name nor password',
    { type: 'kubernetes.io/basic-auth' },
    ['data[username]: Required value', 'data[password]: Required value'],
  ],
  ['a name only', { type: 'kubernetes.io/basic-auth', data: { username: '' } }, []],
  [
    'an empty key',
    { type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': '' } },
    ['data[ssh-privatekey]: Required value'],
  ],
  ['a certificate only', { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, ['data[tls.key]: Required value']],
  ['a type of its own', { type: 'My Own/Type!!' }, []],
  ['1 MiB', { data: { a: Buffer.alloc(1_048_576).toString('base64') } }, []],
  [
    'a byte more',
    { data: { a: Buffer.alloc(1_048_577).toString('base64') } },
    ['data: Too long: may not be more than 1048576 bytes'],
  ],
])('a secret with %s', (_what, rest, errors) => {
  expect(runner.create(secret(rest)).errors).toEqual(errors)
})

test('a key climbs nowhere', () => {
  expect(runner.create(secret({ data: { '..a': '' } })).errors).toEqual([
    'data[..a]: Invalid value: "..a": must not start with \'..\'',
  ])
})

test('type never changes; immutable neither, once it is set, nor data', () => {
  const old = runner.read(secret({ data: { a: 'eA==' }, immutable: true }))
  expect(runner.update(secret({ type: 'x', data: {} }), old).errors).toEqual([
    'type: Invalid value: "x": field is immutable',
    'immutable: Forbidden: field is immutable when `immutable` is set',
    'data: Forbidden: field is immutable when `immutable` is set',
  ])
  expect(runner.update(secret({ data: { a: 'eA==' }, immutable: true }), old).errors).toEqual([])
})

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

// Words of Go's crypto/tls X509KeyPair.
test.each([
  ['', '', 'tls: failed to find any PEM data in certificate input'],
  [
    KEY,
    KEY,
    'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
  ],
  [
    '-----BEGIN A-----\n-----END A-----\n-----BEGIN B-----\n-----END B-----\n',
    '',
    'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [A B]',
  ],
  ['-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', '', 'tls: failed to find any PEM data in key input'],
  [
    '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
    '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
    'tls: found a certificate rather than a key in the PEM for the private key',
  ],
  ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', KEY, 'x509: malformed certificate'],
])('a TLS pair that is none says why (%#)', (certificate, key, message) => {
  expect(keyPairError(certificate, key)).toBe(message)
})

test('a TLS secret with a bad pair is taken with a warning', () => {
  const outcome = runner.create(secret({ type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } }))
  expect(outcome.errors).toEqual([])
  expect(outcome.warnings).toEqual(['tls: failed to find any PEM data in certificate input'])
})

test('a text of many half PEM blocks is judged at once', () => {
  expect(keyPairError('-----BEGIN A-----\n'.repeat(60_000), '')).toContain('failed to find any PEM data')
})
