import { formatTime } from '../../apimachinery/clock.ts'
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../apimachinery/types/certificates-v1.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, humanDuration, nameColumn } from '../table-cells.ts'
import {
  validateCertificateSigningRequestCreate,
  validateCertificateSigningRequestUpdate,
} from './certificate-signing-request-validation.ts'

/** Who asks for the certificate is what authentication found out, never what the client says. */
function setRequester(csr: CertificateSigningRequest, user: UserInfo | undefined): void {
  const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = csr.spec
  csr.spec = {
    ...spec,
    ...(user?.name ? { username: user.name } : {}),
    ...(user?.uid ? { uid: user.uid } : {}),
    ...(user?.groups.length ? { groups: [...user.groups] } : {}),
    ...(user && Object.keys(user.extra).length > 0 ? { extra: copyExtra(user) } : {}),
  }
}

const copyExtra = ({ extra }: UserInfo): Record<string, string[]> =>
  Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]))

function conditionsOf(csr: CertificateSigningRequest): CertificateSigningRequestCondition[] {
  return csr.status?.conditions ?? []
}

/** Conditions of the type stay as they were, unless their number changes: that is for validation to refuse. */
function preserveConditions(csr: CertificateSigningRequest, old: CertificateSigningRequest, type: string): void {
  const before = conditionsOf(old).filter((condition) => condition.type === type)
  const conditions = conditionsOf(csr)
  const indexes = conditions.flatMap((condition, i) => (condition.type === type ? [i] : []))
  if (before.length !== indexes.length) return
  indexes.forEach((index, i) => {
    conditions[index] = { ...before[i]! }
  })
}

/** @see kubernetes pkg/registry/certificates/certificates/strategy.go populateConditionTimestamps */
function fillTimestamps(csr: CertificateSigningRequest, old: CertificateSigningRequest, nowMs: number): void {
  const now = formatTime(nowMs)
  for (const condition of conditionsOf(csr)) {
    condition.lastUpdateTime ||= now
    if (condition.lastTransitionTime) continue
    const same = conditionsOf(old).find(
      ({ type, status, lastTransitionTime }) =>
        type === condition.type && status === condition.status && lastTransitionTime,
    )
    condition.lastTransitionTime = same?.lastTransitionTime ?? now
  }
}

/** @see kubernetes pkg/printers/internalversion/printers.go extractCSRStatus */
function statusText(csr: CertificateSigningRequest): string {
  const types = new Set(conditionsOf(csr).map(({ type }) => type))
  const decision = types.has('Denied') ? 'Denied' : types.has('Approved') ? 'Approved' : 'Pending'
  return `${decision}${types.has('Failed') ? ',Failed' : ''}${csr.status?.certificate ? ',Issued' : ''}`
}

export const certificateSigningRequests = defineResource<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  resource: 'certificatesigningrequests',
  hubVersion: 'v1',
  strategy: {
    prepareForCreate(csr, { user }) {
      setRequester(csr, user)
      csr.status = {}
    },
    prepareForUpdate(csr, old) {
      csr.spec = old.spec
      csr.status = old.status
    },
    validate: validateCertificateSigningRequestCreate,
    validateUpdate: (csr, old) => validateCertificateSigningRequestUpdate(csr, old, 'main'),
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(csr, old, { clock }) {
        csr.spec = old.spec
        preserveConditions(csr, old, 'Approved')
        preserveConditions(csr, old, 'Denied')
        fillTimestamps(csr, old, clock.now())
      },
      validateUpdate: (csr, old) => validateCertificateSigningRequestUpdate(csr, old, 'status'),
    },
    approval: {
      prepareForUpdate(csr, old, { clock }) {
        fillTimestamps(csr, old, clock.now())
        const { conditions: _, ...status } = old.status ?? {}
        const conditions = csr.status?.conditions
        csr.spec = old.spec
        csr.status = conditions === undefined ? status : { ...status, conditions }
      },
      validateUpdate: (csr, old) => validateCertificateSigningRequestUpdate(csr, old, 'approval'),
    },
  },
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }),
  table: {
    columns: [
      nameColumn,
      ageColumn,
      column('SignerName'),
      column('Requestor'),
      column('RequestedDuration'),
      column('Condition'),
    ],
    cells: (csr, now) => [
      csr.metadata.name ?? '',
      age(csr, now),
      csr.spec?.signerName || '<none>',
      csr.spec?.username ?? '',
      csr.spec?.expirationSeconds === undefined ? '<none>' : humanDuration(csr.spec.expirationSeconds * 1000),
      statusText(csr),
    ],
  },
})
