import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { SubjectAccessReview } from '../../../apimachinery/types/authorization-v1.ts'
import type { CertificateSigningRequest } from '../../../apimachinery/types/certificates-v1.ts'
import type { Client, ResourceRef, Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { CERTIFICATE_SIGNING_REQUESTS } from '../../runtime/resources.ts'
import type { ReadCertificateRequest, RequestedCertificate } from './certificate-signer.ts'
import { KUBELET_CLIENT_SIGNER, refusalOf } from './signer-rules.ts'

type Request = Typed<CertificateSigningRequest>

const SUBJECT_ACCESS_REVIEWS: ResourceRef<Typed<SubjectAccessReview>> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  resource: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

/**
 * Approves requests of kubelets for client certificates, where whoever asks may have them approved.
 *
 * @see pkg/controller/certificates/approver/sarapprove.go
 */
export function approvingController(read: ReadCertificateRequest): Controller<Request> {
  return {
    name: 'certificatesigningrequest-approving-controller',
    serviceAccount: 'certificate-controller',
    for: CERTIFICATE_SIGNING_REQUESTS,
    async reconcile(key, { cache, client }) {
      const request = cache.get(CERTIFICATE_SIGNING_REQUESTS, key)
      if (!request || request.spec.signerName !== KUBELET_CLIENT_SIGNER || isDecided(request)) return
      const asked = await read(Buffer.from(request.spec.request, 'base64').toString('latin1'))
      for (const { permission, message } of permissionsFor(request, asked)) {
        if (!(await isAllowed(client, request, permission))) continue
        const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message }
        const conditions = [...(request.status?.conditions ?? []), approved]
        const next = { ...request, status: { ...request.status, conditions } }
        await client.updateSubresource(CERTIFICATE_SIGNING_REQUESTS, 'approval', next)
        return
      }
    },
  }
}

function isDecided({ status }: Request): boolean {
  return (
    Boolean(status?.certificate) ||
    (status?.conditions?.some((c) => c.type === 'Approved' || c.type === 'Denied') ?? false)
  )
}

/** Subresources of which the asker must have `create`, in the order in which they are tried. */
function permissionsFor(
  { spec }: Request,
  asked: RequestedCertificate,
): readonly { readonly permission: string; readonly message: string }[] {
  if (refusalOf(KUBELET_CLIENT_SIGNER, asked, spec.usages ?? []) !== undefined) return []
  const self = {
    permission: 'selfnodeclient',
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  }
  const other = {
    permission: 'nodeclient',
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  }
  return spec.username === asked.commonName ? [self, other] : [other]
}

async function isAllowed(client: Client, { spec }: Request, subresource: string): Promise<boolean> {
  const { username: user, uid, groups, extra } = spec
  const resource = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', version: '*' }
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: { user, uid, groups, extra, resourceAttributes: { ...resource, subresource, verb: 'create' } },
  }
  const answer: KubeObject = await client.create(SUBJECT_ACCESS_REVIEWS, review as Typed<SubjectAccessReview>)
  return (answer as Typed<SubjectAccessReview>).status?.allowed ?? false
}
