import { expect, test } from 'vitest'
import { StrategyMessages } from '../../../test/suites/strategy-messages.ts'
import { certificateRequestProblem } from './certificate-request.ts'
import { certificatesEntries } from './entries.ts'
import { issuedCertificateProblem } from './issued-certificate.ts'
import { decodePem } from './pem.ts'

/** Made by OpenSSL; messages are of kubernetes pkg/apis/certificates/validation/validation.go and of Go's libraries. */
const ECDSA_REQUEST = [
  'MIHbMIGCAgEAMCAxDjAMBgNVBAMMBWFsaWNlMQ4wDAYDVQQKDAVzdGFmZjBZMBMG',
  'ByqGSM49AgEGCCqGSM49AwEHA0IABK2uel49kKAOIWtDgA1l5FNppIKbbcI6B7gP',
  'hh0XrHhRK3LYxHqQ6K7m/tnq3QbQE3PKzay8a/eM6TAZotF1NAWgADAKBggqhkjO',
  'PQQDAgNIADBFAiBFwh6ofBMpsLXWiJb6XBK+DgHPxYdujpOeYmndKPHhwAIhANP6',
  'y205wBncF/wTJWWR396xONJA5LJM9mraJJoo/JPG',
]
const ED25519_REQUEST = [
  'MIGLMD8CAQAwDDEKMAgGA1UEAwwBYTAqMAUGAytlcAMhAEbXDD5giUGQ+5XP90qp',
  'zGdrkMfiGmi1AvxGH1y/DtpyoAAwBQYDK2VwA0EAVkWo5A9fOC10uaGvxvralA7z',
  'eav5f/s9Jm/PSce7nsJQq2rB7ESMcLk6+0o7YW2XPiUNPhP6gMS8cZPVlrYrDA==',
]
const CERTIFICATE = [
  'MIIBcDCCARegAwIBAgIUceQmebYILpqU+tNDOcGi/l5fNbwwCgYIKoZIzj0EAwIw',
  'DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI0MDg0NzU3WhgPMjEyNjEwMzEwODQ3NTda',
  'MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEra56Xj2Q',
  'oA4ha0OADWXkU2mkgpttwjoHuA+GHReseFErctjEepDorub+2erdBtATc8rNrLxr',
  '94zpMBmi0XU0BaNTMFEwHQYDVR0OBBYEFMCR3OMHi6pm5gPi4IbnvY+HnpRxMB8G',
  'A1UdIwQYMBaAFMCR3OMHi6pm5gPi4IbnvY+HnpRxMA8GA1UdEwEB/wQFMAMBAf8w',
  'CgYIKoZIzj0EAwIDRwAwRAIgIwkkjT7V5EshzjCvPGSS7wCLVmZyev+PQQoPhrOV',
  'Gu0CIAFJZTLgAnZs2DEUtYywW9fRl5Zu4n4L2teW8e+7fJvp',
]

const block = (type: string, lines: readonly string[]): string =>
  `-----BEGIN ${type}-----\n${lines.join('\n')}\n-----END ${type}-----\n`
const requestOf = (lines: readonly string[]): string => block('CERTIFICATE REQUEST', lines)
const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('PEM: text around blocks and blocks that are malformed are skipped', () => {
  const good = block('A', ['AAEC'])
  const broken = block('B', ['%%'])
  const found = decodePem(`words\n${broken}${good}rest`)
  expect(found).toMatchObject({ type: 'A', hasHeaders: false, rest: 'rest' })
  expect([...found!.bytes]).toEqual([0, 1, 2])
  expect(decodePem('words')).toBeUndefined()
  expect(decodePem(`x${good}`)).toBeUndefined()
  expect(decodePem('-----BEGIN A-----\nAAEC\n-----END B-----\n')).toBeUndefined()
})

test('PEM: headers stand before the data', () => {
  expect(decodePem(block('A', ['Key: value', '', 'AAEC']))).toMatchObject({ hasHeaders: true, type: 'A' })
})

test('PEM: many beginnings without an end take linear time', () => {
  expect(decodePem('-----BEGIN A-----\n'.repeat(100_000))).toBeUndefined()
}, 2000)

test('a request is signed by its own key', () => {
  expect(certificateRequestProblem(requestOf(ECDSA_REQUEST))).toBeUndefined()
  expect(certificateRequestProblem(requestOf(ED25519_REQUEST))).toBeUndefined()
})

test('a request that was tampered with', () => {
  const bytes = Buffer.from(ECDSA_REQUEST.join(''), 'base64')
  bytes[bytes.indexOf('alice')] = 'A'.charCodeAt(0)
  expect(certificateRequestProblem(requestOf([bytes.toString('base64')]))).toBe('x509: ECDSA verification failure')
})

test('what is no request', () => {
  const wrongType = 'PEM block type must be CERTIFICATE REQUEST'
  expect(certificateRequestProblem('')).toBe(wrongType)
  expect(certificateRequestProblem(block('CERTIFICATE', CERTIFICATE))).toBe(wrongType)
  expect(certificateRequestProblem(requestOf([]))).toMatch(/^asn1: /)
  expect(certificateRequestProblem(requestOf(['MIGL']))).toMatch(/^asn1: /)
  const bytes = Buffer.from(ECDSA_REQUEST.join(''), 'base64')
  const longer = Buffer.concat([bytes, Buffer.from([0])])
  expect(certificateRequestProblem(requestOf([longer.toString('base64')]))).toBe('asn1: syntax error: trailing data')
})

test('no cut of a request makes the parser fail otherwise than by a message', () => {
  const bytes = Buffer.from(ECDSA_REQUEST.join(''), 'base64')
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length).toString('base64')
    expect(certificateRequestProblem(requestOf([cut]))).toMatch(/^(asn1|x509): /)
  }
})

test('a certificate that was issued', () => {
  const good = block('CERTIFICATE', CERTIFICATE)
  expect(issuedCertificateProblem('')).toBeUndefined()
  expect(issuedCertificateProblem(`${good}text\n${good}`)).toBeUndefined()
  expect(issuedCertificateProblem('text')).toBe('must contain at least one CERTIFICATE PEM block')
  expect(issuedCertificateProblem(good + block('KEY', ['AAEC']))).toBe(
    'only CERTIFICATE PEM blocks are allowed, found "KEY"',
  )
  expect(issuedCertificateProblem(block('CERTIFICATE', ['A: b', '', ...CERTIFICATE]))).toBe(
    'no PEM block headers are permitted',
  )
  expect(issuedCertificateProblem(block('CERTIFICATE', ['AAEC']))).toMatch(/^x509: /)
})

const requests = new StrategyMessages(certificatesEntries, 'certificatesigningrequests', 'CertificateSigningRequest')
const GOOD = {
  request: base64(requestOf(ECDSA_REQUEST)),
  signerName: 'example.com/signer',
  usages: ['client auth'],
}
const requestErrors = (spec: object): string[] => requests.createErrors({ spec: { ...GOOD, ...spec } })

test('who asks is written by the server', () => {
  const { object, errors } = requests.create({ spec: { ...GOOD, username: 'root', groups: ['system:masters'] } })
  expect(errors).toEqual([])
  expect(object).toMatchObject({ spec: { username: 'alice', uid: 'a1', groups: ['staff'] }, status: {} })
})

test('what a signing request needs', () => {
  expect(requestErrors({ usages: [], expirationSeconds: 599 })).toEqual([
    'spec.usages: Required value',
    'spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)',
  ])
  expect(requestErrors({ usages: ['client auth', 'client auth'], signerName: 'kubernetes.io/legacy-unknown' })).toEqual(
    [
      'spec.usages[1]: Duplicate value: "client auth"',
      'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
    ],
  )
  expect(requestErrors({ request: base64('x') })).toEqual([
    `spec.request: Invalid value: "${base64('x')}": PEM block type must be CERTIFICATE REQUEST`,
  ])
})

const condition = (type: string, status = 'True') => ({ type, status, reason: 'R', message: 'm' })

test('a request is approved or denied, through its own endpoint and for good', () => {
  const approved = requests.update({ spec: GOOD }, { status: { conditions: [condition('Approved')] } }, 'approval')
  expect(approved.errors).toEqual([])
  expect(approved.object).toMatchObject({
    status: { conditions: [{ type: 'Approved', lastUpdateTime: '2026-01-01T00:00:00Z' }] },
  })
  expect(requests.patch(approved.object, { status: { conditions: [] } }, 'approval').errors).toEqual([
    'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
  ])
  const both = [condition('Approved'), condition('Denied')]
  expect(requests.update({ spec: GOOD }, { status: { conditions: both } }, 'approval').errors).toEqual([
    'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
  ])
  expect(requests.update({ spec: GOOD }, { status: { conditions: [condition('Approved')] } }, 'status').errors).toEqual(
    ['status.conditions: Forbidden: updates may not add a condition of type "Approved"'],
  )
  const unsure = [condition('Approved', 'False')]
  expect(requests.update({ spec: GOOD }, { status: { conditions: unsure } }, 'approval').errors).toEqual([
    'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
  ])
})

test('a certificate is issued once', () => {
  const certificate = base64(block('CERTIFICATE', CERTIFICATE))
  const issued = requests.update({ spec: GOOD }, { status: { certificate } }, 'status')
  expect(issued.errors).toEqual([])
  const other = base64(`text\n${block('CERTIFICATE', CERTIFICATE)}`)
  expect(requests.patch(issued.object, { status: { certificate: other } }, 'status').errors).toEqual([
    'status.certificate: Forbidden: updates may not modify existing certificate content',
  ])
})
