import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { goAny, goList, goString, goStruct } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../apimachinery/types/certificates-v1.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { checkSignerName } from '../core/pod/signer-name-validation.ts'
import { unifiedDiff } from '../core/pod/unified-diff.ts'
import { certificateRequestProblem } from './certificate-request.ts'
import { issuedCertificateProblem } from './issued-certificate.ts'

const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown'
const MIN_EXPIRATION_SECONDS = 600
const CONDITIONS = FieldPath.of('status', 'conditions')
const CERTIFICATE = FieldPath.of('status', 'certificate')

/** Sorted, as the message lists them. */
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
]

/** What a stored request has already need not be right; what the endpoint may change is fixed by it. */
interface Options {
  readonly allowSettingApprovalConditions: boolean
  readonly allowSettingCertificate: boolean
  readonly allowBothApprovedAndDenied: boolean
  readonly allowLegacySignerName: boolean
  readonly allowDuplicateConditionTypes: boolean
  readonly allowEmptyConditionType: boolean
  readonly allowArbitraryCertificate: boolean
  readonly allowDuplicateUsages: boolean
  readonly allowUnknownUsages: boolean
}

type Endpoint = 'main' | 'status' | 'approval'

function optionsFor(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest | undefined,
  endpoint: Endpoint,
): Options {
  const oldTypes = conditionsOf(old).map(({ type }) => type ?? '')
  const oldUsages = old?.spec?.usages ?? []
  const oldCertificate = old?.status?.certificate ?? ''
  return {
    allowSettingApprovalConditions: endpoint === 'approval',
    allowSettingCertificate: endpoint === 'status',
    allowBothApprovedAndDenied: oldTypes.includes('Approved') && oldTypes.includes('Denied'),
    allowLegacySignerName: old?.spec?.signerName === LEGACY_SIGNER,
    allowDuplicateConditionTypes: new Set(oldTypes).size < oldTypes.length,
    allowEmptyConditionType: oldTypes.includes(''),
    allowArbitraryCertificate:
      old !== undefined &&
      (oldCertificate === (csr.status?.certificate ?? '') ||
        issuedCertificateProblem(decodeBase64(oldCertificate)) !== undefined),
    allowDuplicateUsages: new Set(oldUsages).size < oldUsages.length,
    allowUnknownUsages: oldUsages.some((usage) => !USAGES.includes(usage)),
  }
}

const decodeBase64 = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString('latin1')

const conditionsOf = (csr: CertificateSigningRequest | undefined): readonly CertificateSigningRequestCondition[] =>
  csr?.status?.conditions ?? []

/** @see kubernetes pkg/apis/certificates/validation/validation.go ValidateCertificateSigningRequestCreate */
export function validateCertificateSigningRequestCreate(csr: CertificateSigningRequest): FieldError[] {
  return validateRequest(csr, optionsFor(csr, undefined, 'main'))
}

function validateRequest(csr: CertificateSigningRequest, options: Options): FieldError[] {
  const errors = [
    ...validateObjectMeta(csr.metadata, false, () => [], FieldPath.of('metadata')),
    ...validateSpec(csr, options, FieldPath.of('spec')),
    ...validateConditions(csr, options),
  ]
  if (options.allowArbitraryCertificate) return errors
  const problem = issuedCertificateProblem(decodeBase64(csr.status?.certificate))
  if (problem) errors.push(invalid(CERTIFICATE, '<certificate data>', problem))
  return errors
}

function validateSpec(csr: CertificateSigningRequest, options: Options, path: FieldPath): FieldError[] {
  const { request = '', usages = [], signerName = '', expirationSeconds } = csr.spec ?? {}
  const errors: FieldError[] = []
  const problem = certificateRequestProblem(decodeBase64(request ?? ''))
  if (problem) errors.push(invalid(path.child('request'), request ?? undefined, problem))
  errors.push(...validateUsages(usages, options, path.child('usages')))
  const signerPath = path.child('signerName')
  if (signerName === LEGACY_SIGNER && !options.allowLegacySignerName) {
    errors.push(invalid(signerPath, signerName, 'the legacy signerName is not allowed via this API version'))
  } else checkSignerName(errors, signerName, signerPath)
  if (expirationSeconds !== undefined && expirationSeconds < MIN_EXPIRATION_SECONDS) {
    const detail = 'may not specify a duration less than 600 seconds (10 minutes)'
    errors.push(invalid(path.child('expirationSeconds'), expirationSeconds, detail))
  }
  return errors
}

function validateUsages(usages: readonly string[], options: Options, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (usages.length === 0) errors.push(required(path, ''))
  if (!options.allowUnknownUsages) {
    usages.forEach((usage, i) => {
      if (!USAGES.includes(usage)) errors.push(notSupported(path.index(i), usage, USAGES))
    })
  }
  if (options.allowDuplicateUsages) return errors
  const seen = new Set<string>()
  usages.forEach((usage, i) => {
    if (seen.has(usage)) errors.push(duplicate(path.index(i), usage))
    seen.add(usage)
  })
  return errors
}

function validateConditions(csr: CertificateSigningRequest, options: Options): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  conditionsOf(csr).forEach(({ type = '', status = '' }, i) => {
    const path = CONDITIONS.index(i)
    if (type === '' && !options.allowEmptyConditionType) errors.push(required(path.child('type'), ''))
    errors.push(...validateConditionStatus(type, status, path.child('status')))
    const opposite = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined
    if (opposite && seen.has(opposite) && !options.allowBothApprovedAndDenied) {
      errors.push(invalid(CONDITIONS, type, 'Approved and Denied conditions are mutually exclusive'))
    }
    if (seen.has(type) && !options.allowDuplicateConditionTypes) errors.push(duplicate(path.child('type'), type))
    seen.add(type)
  })
  return errors
}

function validateConditionStatus(type: string, status: string, path: FieldPath): FieldError[] {
  const allowed = ['Approved', 'Denied', 'Failed'].includes(type) ? ['True'] : ['False', 'True', 'Unknown']
  if (status === '') return [required(path, '')]
  return allowed.includes(status) ? [] : [notSupported(path, status, allowed)]
}

const goConditions = goList(
  goStruct(
    ['Type', 'type', goString],
    ['Status', 'status', goString],
    ['Reason', 'reason', goString],
    ['Message', 'message', goString],
    ['LastUpdateTime', 'lastUpdateTime', goAny],
    ['LastTransitionTime', 'lastTransitionTime', goAny],
  ),
)

/** Update through one of the endpoints, each of which may change its own part of the status only. */
export function validateCertificateSigningRequestUpdate(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
  endpoint: Endpoint,
): FieldError[] {
  const options = optionsFor(csr, old, endpoint)
  const errors = validateRequest(csr, options)
  const ofType = (request: CertificateSigningRequest, type: string): readonly CertificateSigningRequestCondition[] =>
    conditionsOf(request).filter((condition) => condition.type === type)
  const refuse = (what: string, type: string, diff = ''): void => {
    errors.push(forbidden(CONDITIONS, `updates may not ${what} a condition of type ${goQuote(type)}${diff}`))
  }
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (ofType(csr, type).length < ofType(old, type).length) refuse('remove', type)
  }
  if (!options.allowSettingApprovalConditions) {
    for (const type of ['Approved', 'Denied']) {
      const before = ofType(old, type)
      const after = ofType(csr, type)
      if (after.length > before.length) refuse('add', type)
      else if (after.length === before.length && !semanticEqual(before, after)) {
        refuse('modify', type, `\n${unifiedDiff(prettyConditions(before), prettyConditions(after))}`)
      }
    }
  }
  errors.push(...validateCertificateChange(csr, old, options))
  return errors.concat(validateObjectMetaUpdate(csr.metadata, old.metadata, FieldPath.of('metadata')))
}

const prettyConditions = (conditions: readonly CertificateSigningRequestCondition[]): string =>
  conditions.length === 0 ? 'null' : JSON.stringify(goConditions(conditions), undefined, 1)

function validateCertificateChange(
  csr: CertificateSigningRequest,
  old: CertificateSigningRequest,
  options: Options,
): FieldError[] {
  const before = old.status?.certificate ?? ''
  if (before === (csr.status?.certificate ?? '')) return []
  if (!options.allowSettingCertificate) return [forbidden(CERTIFICATE, 'updates may not set certificate content')]
  return before === '' ? [] : [forbidden(CERTIFICATE, 'updates may not modify existing certificate content')]
}
