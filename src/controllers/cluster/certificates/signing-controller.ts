import { formatTime } from '../../../apimachinery/clock.ts'
import type { CertificateSigningRequest } from '../../../apimachinery/types/certificates-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { CERTIFICATE_SIGNING_REQUESTS } from '../../runtime/resources.ts'
import type { CertificateSigner, ReadCertificateRequest } from './certificate-signer.ts'
import { refusalOf } from './signer-rules.ts'

/** Shortest: twice what certificates are dated back. */
const MIN_DURATION_MS = 600_000

/**
 * Signs approved requests of the built-in signers, as far as there is somebody to sign for them: `signers` by their name.
 *
 * @see pkg/controller/certificates/signer/signer.go
 */
export function signingController(
  read: ReadCertificateRequest,
  signers: ReadonlyMap<string, CertificateSigner>,
): Controller<Typed<CertificateSigningRequest>> {
  return {
    name: 'certificatesigningrequest-signing-controller',
    serviceAccount: 'certificate-controller',
    for: CERTIFICATE_SIGNING_REQUESTS,
    async reconcile(key, { cache, client, clock }) {
      const request = cache.get(CERTIFICATE_SIGNING_REQUESTS, key)
      const signer = request && signers.get(request.spec.signerName)
      if (!signer || request.status?.certificate) return
      const { signerName, usages = [], expirationSeconds } = request.spec
      const conditions = request.status?.conditions ?? []
      const has = (type: string): boolean => conditions.some((c) => c.type === type && c.status === 'True')
      if (!conditions.some((c) => c.type === 'Approved') || has('Denied') || has('Failed')) return
      const pem = Buffer.from(request.spec.request, 'base64').toString('latin1')
      const message = refusalOf(signerName, await read(pem), usages)
      if (message !== undefined) {
        const lastUpdateTime = formatTime(clock.now())
        const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message, lastUpdateTime }
        const status = { ...request.status, conditions: [...conditions, failed] }
        await client.updateSubresource(CERTIFICATE_SIGNING_REQUESTS, 'status', { ...request, status })
        return
      }
      const life = durationMs(expirationSeconds, signer.maxDurationMs)
      const signed = await signer.signRequest(pem, { usages, durationMs: life })
      const certificate = Buffer.from(signed.endsWith('\n') ? signed : `${signed}\n`).toString('base64')
      const status = { ...request.status, certificate }
      await client.updateSubresource(CERTIFICATE_SIGNING_REQUESTS, 'status', { ...request, status })
    },
  }
}

/** How long a certificate lives that is asked for so many seconds. */
export function durationMs(expirationSeconds: number | undefined, maxDurationMs: number): number {
  if (expirationSeconds === undefined || expirationSeconds * 1000 > maxDurationMs) return maxDurationMs
  return Math.max(MIN_DURATION_MS, expirationSeconds * 1000)
}
