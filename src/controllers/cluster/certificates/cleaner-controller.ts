import { X509Certificate } from 'node:crypto'
import { isNotFound } from '../../../apimachinery/api-error.ts'
import { parseTime } from '../../../apimachinery/clock.ts'
import type { CertificateSigningRequest } from '../../../apimachinery/types/certificates-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { CERTIFICATE_SIGNING_REQUESTS } from '../../runtime/resources.ts'

const HOUR_MS = 3_600_000
const DECIDED_MS = HOUR_MS
const PENDING_MS = 24 * HOUR_MS

/**
 * Deletes certificate requests that nobody needs any more.
 *
 * @see pkg/controller/certificates/cleaner/cleaner.go
 */
export const certificateCleaner: Controller<Typed<CertificateSigningRequest>> = {
  name: 'certificatesigningrequest-cleaner-controller',
  serviceAccount: 'certificate-controller',
  for: CERTIFICATE_SIGNING_REQUESTS,
  async reconcile(key, { cache, client, clock }) {
    const request = cache.get(CERTIFICATE_SIGNING_REQUESTS, key)
    const endsAt = request && requestEndsAt(request)
    if (endsAt === undefined) return undefined
    if (endsAt >= clock.now()) return { requeueAfterMs: endsAt - clock.now() + 1 }
    try {
      await client.delete(CERTIFICATE_SIGNING_REQUESTS, key)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return undefined
  },
}

/** When a request is to be deleted, in milliseconds since the epoch; undefined where that is never. */
export function requestEndsAt({ metadata, status }: Typed<CertificateSigningRequest>): number | undefined {
  const conditions = status?.conditions ?? []
  if (conditions.length === 0) return parseTime(metadata.creationTimestamp ?? '') + PENDING_MS
  const ends: number[] = []
  for (const { type, lastUpdateTime } of conditions) {
    const since = lastUpdateTime ? parseTime(lastUpdateTime) : Number.NaN
    if (type === 'Denied' || type === 'Failed') ends.push(since + DECIDED_MS)
    if (type !== 'Approved') continue
    ends.push(since + (status?.certificate ? DECIDED_MS : PENDING_MS))
    const expiry = status?.certificate ? expiryOf(status.certificate) : undefined
    if (expiry !== undefined) ends.push(expiry)
  }
  const known = ends.filter((at) => !Number.isNaN(at))
  return known.length === 0 ? undefined : Math.min(...known)
}

/** Undefined for what is no certificate: a signer may store what it likes. */
function expiryOf(certificate: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo)
  } catch {
    return undefined
  }
}
