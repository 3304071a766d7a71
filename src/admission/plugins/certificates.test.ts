import { describe, expect, test } from 'vitest'
import { object, refusal } from '../../../test/suites/admission-request.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { AuthorizationAttributes, Authorizer } from '../../auth/authz/authorizer.ts'
import { certificateApproval } from './certificate-approval.ts'
import { certificateRequestSubject } from './certificate-request-subject.ts'
import { certificateSigning } from './certificate-signing.ts'
import { certificateSubjectRestriction } from './certificate-subject-restriction.ts'
import { clusterTrustBundleAttest } from './cluster-trust-bundle-attest.ts'

const GROUP = 'certificates.k8s.io/v1'
const SIGNER = 'kubernetes.io/kube-apiserver-client'
const HEAD = 'certificatesigningrequests.certificates.k8s.io "r" is forbidden: '

/** Allows one verb on one name of the resource `signers`. */
const allowing = (verb: string, name: string): Authorizer => ({
  name: 'test',
  authorize: (asked: AuthorizationAttributes) => {
    const isAsked = asked.verb === verb && asked.name === name
    const isSigner = asked.resource === 'signers' && asked.apiGroup === 'certificates.k8s.io'
    return isAsked && isSigner ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: '' }
  },
})
const nobody = allowing('', '')

const signingRequest = (rest: Record<string, unknown> = {}, signerName = SIGNER): KubeObject =>
  object('CertificateSigningRequest', { name: 'r' }, { spec: { signerName, request: '' }, ...rest }, GROUP)

const CN = 3
const O = 10
const UTF8 = 0x0c
const BMP = 0x1e

/** An element of DER of less than 256 bytes. */
const der = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content)
  const length = body.length < 128 ? [body.length] : [0x81, body.length]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

type Name = readonly (readonly [attribute: number, text: string, tag?: number])[]

/** A certificate request for a name, without key and signature: nobody looks at these here. */
function requestFor(name: Name): string {
  const attribute = ([type, text, tag = UTF8]: Name[number]) => {
    const value = tag === BMP ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text)
    return der(0x31, der(0x30, der(0x06, Buffer.from([0x55, 0x04, type])), der(tag, value)))
  }
  const info = der(0x30, der(0x02, Buffer.from([0])), der(0x30, ...name.map(attribute)))
  const text = der(0x30, info).toString('base64')
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${text}\n-----END CERTIFICATE REQUEST-----\n`
  return Buffer.from(pem).toString('base64')
}

describe('CertificateApproval', () => {
  const change = { object: signingRequest(), old: signingRequest(), subresource: 'approval' }
  test('needs the right to approve for the signer, or for its domain', async () => {
    expect(await refusal(certificateApproval(nobody), change)).toBe(
      `${HEAD}user not permitted to approve requests with signerName "${SIGNER}"`,
    )
    expect(await refusal(certificateApproval(allowing('approve', SIGNER)), change)).toBeUndefined()
    expect(await refusal(certificateApproval(allowing('approve', 'kubernetes.io/*')), change)).toBeUndefined()
  })
  test('asks for the signer that the request had', async () => {
    const moved = { ...change, object: signingRequest({}, 'example.com/other') }
    expect(await refusal(certificateApproval(allowing('approve', 'example.com/other')), moved)).toMatch(SIGNER)
  })
  test('other changes are not approvals', async () => {
    expect(await refusal(certificateApproval(nobody), { ...change, subresource: '' })).toBeUndefined()
  })
})

describe('CertificateSigning', () => {
  const signed = signingRequest({ status: { certificate: 'eA==' } })
  const change = { object: signed, old: signingRequest(), subresource: 'status' }
  test('needs the right to sign', async () => {
    expect(await refusal(certificateSigning(nobody), change)).toBe(
      `${HEAD}user not permitted to sign requests with signerName "${SIGNER}"`,
    )
    expect(await refusal(certificateSigning(allowing('sign', SIGNER)), change)).toBeUndefined()
  })
  test('only a new certificate or condition counts', async () => {
    expect(await refusal(certificateSigning(nobody), { ...change, old: signed })).toBeUndefined()
    const failed = signingRequest({ status: { conditions: [{ type: 'Failed', status: 'True' }] } })
    expect(await refusal(certificateSigning(nobody), { ...change, object: failed })).toMatch(/not permitted/)
  })
})

describe('CertificateSubjectRestriction', () => {
  const asking = (name: Name, signerName = SIGNER) =>
    signingRequest({ spec: { signerName, request: requestFor(name) } })
  const MASTERS = [O, 'system:masters'] as const
  test('no client certificate of the group that may do everything', async () => {
    expect(await refusal(certificateSubjectRestriction, { object: asking([[CN, 'a'], [O, 'dev'], MASTERS]) })).toBe(
      `${HEAD}use of ${SIGNER} signer with system:masters group is not allowed`,
    )
    expect(
      await refusal(certificateSubjectRestriction, {
        object: asking([
          [CN, 'a'],
          [O, 'dev'],
        ]),
      }),
    ).toBeUndefined()
    const other = asking([MASTERS], 'example.com/signer')
    expect(await refusal(certificateSubjectRestriction, { object: other })).toBeUndefined()
  })
  test('a request that is none is refused', async () => {
    expect(await refusal(certificateSubjectRestriction, { object: signingRequest() })).toBe(
      `${HEAD}failed to parse CSR: PEM block type must be CERTIFICATE REQUEST`,
    )
  })
})

test('the subject of a request: the last common name, all organizations, any kind of text', () => {
  expect(
    certificateRequestSubject(
      requestFor([
        [CN, 'a'],
        [O, 'x'],
        [O, 'ü', BMP],
        [CN, 'b'],
      ]),
    ),
  ).toEqual({
    commonName: 'b',
    organizations: ['x', 'ü'],
  })
  expect(certificateRequestSubject(requestFor([[6, 'DE']]))).toEqual({ commonName: '', organizations: [] })
})

describe('ClusterTrustBundleAttest', () => {
  const bundle = (signerName: string, trustBundle: string, metadata = {}) =>
    object(
      'ClusterTrustBundle',
      { name: 'b', ...metadata },
      { spec: { signerName, trustBundle } },
      'certificates.k8s.io/v1beta1',
    )
  test('needs the right to attest for the signer that it names', async () => {
    const mine = bundle('example.com/s', 'a')
    expect(await refusal(clusterTrustBundleAttest(nobody), { object: mine })).toBe(
      'clustertrustbundles.certificates.k8s.io "b" is forbidden: user not permitted to attest for signerName "example.com/s"',
    )
    expect(
      await refusal(clusterTrustBundleAttest(allowing('attest', 'example.com/*')), { object: mine }),
    ).toBeUndefined()
    expect(await refusal(clusterTrustBundleAttest(nobody), { object: bundle('', 'a') })).toBeUndefined()
  })
  test('owners and finalizers can change without', async () => {
    const old = bundle('example.com/s', 'a')
    const owned = bundle('example.com/s', 'a', { finalizers: ['f'] })
    expect(await refusal(clusterTrustBundleAttest(nobody), { object: owned, old })).toBeUndefined()
    expect(await refusal(clusterTrustBundleAttest(nobody), { object: bundle('example.com/s', 'b'), old })).toMatch(
      /attest/,
    )
  })
})
