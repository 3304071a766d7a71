import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { CertificateSigningRequest } from '../../../apimachinery/types/certificates-v1.ts'
import type { ResourceSlice } from '../../../apimachinery/types/resource-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import { DerError } from '../../../registry/certificates/der.ts'
import { featureEnabled } from '../../../registry/core/pod/feature-gates.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../../admission.ts'
import type { AdmissionDependencies } from '../../admission-dependencies.ts'
import { refused } from '../../refusal.ts'
import { certificateRequestSubject } from '../certificate-request-subject.ts'
import { foreignClaimChange } from './claim-status-change.ts'
import { nodeNameOf } from './node-identity.ts'
import { checkNodeRequest } from './node-rules.ts'
import { checkPodCertificateRequest } from './pod-certificate-rules.ts'
import { checkPodRequest } from './pod-rules.ts'
import { checkTokenRequest } from './token-rules.ts'

const LEASE_NAMESPACE = 'kube-node-lease'
const NODE_SIGNERS = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']

type Needs = Pick<AdmissionDependencies, 'reader' | 'authorizer' | 'config'>

/**
 * Keeps nodes to their own objects: what the Node authorizer can't see, as it does not look into requests.
 *
 * @see kubernetes plugin/pkg/admission/noderestriction/admission.go
 */
export class NodeRestriction implements AdmissionPlugin {
  readonly name = 'NodeRestriction'
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  handles(operation: string): boolean {
    return operation !== 'CONNECT'
  }

  admit(attributes: AdmissionAttributes): void | Promise<void> {
    const { user } = attributes
    const nodeName = user && nodeNameOf(user)
    if (nodeName === undefined) return
    if (nodeName === '') {
      throw refused(attributes, `could not determine node from user ${goQuote(user!.name)}`)
    }
    return this.#check(attributes, nodeName, user!)
  }

  async #check(attributes: AdmissionAttributes, nodeName: string, user: UserInfo): Promise<void> {
    const { resource } = attributes
    switch (`${resource.resource}.${resource.group}`) {
      case 'pods.':
        return await checkPodRequest(attributes, nodeName, this.#needs.reader)
      case 'nodes.':
        return checkNodeRequest(attributes, nodeName)
      case 'persistentvolumeclaims.':
        return checkClaim(attributes, nodeName)
      case 'serviceaccounts.':
        return await checkTokenRequest(attributes, nodeName, user, this.#needs)
      case 'podcertificaterequests.certificates.k8s.io':
        if (!featureEnabled(this.#needs.config, 'PodCertificateRequest')) {
          throw refused(attributes, 'PodCertificateRequest feature gate is disabled')
        }
        return await checkPodCertificateRequest(attributes, nodeName, this.#needs.reader)
      case 'leases.coordination.k8s.io':
        return checkLease(attributes, nodeName)
      case 'csinodes.storage.k8s.io':
        return checkOwnName(attributes, nodeName, 'CSINode')
      case 'resourceslices.resource.k8s.io':
        return checkResourceSlice(attributes, nodeName)
      case 'certificatesigningrequests.certificates.k8s.io':
        if (this.#needs.config.featureGates['AllowInsecureKubeletCertificateSigningRequests']) return
        return checkCertificateRequest(attributes, nodeName)
    }
  }
}

function checkClaim(attributes: AdmissionAttributes, nodeName: string): void {
  const { subresource, operation, object, oldObject } = attributes
  if (subresource !== 'status') throw refused(attributes, 'may only update PVC status')
  if (operation !== 'UPDATE') throw refused(attributes, `unexpected operation ${goQuote(operation)}`)
  const change = foreignClaimChange(object!, oldObject!)
  if (change === undefined) return
  const why = `node ${goQuote(nodeName)} is not allowed to update fields other than status.quantity and status.conditions: ${change}`
  throw refused(attributes, why)
}

function checkLease(attributes: AdmissionAttributes, nodeName: string): void {
  if (attributes.namespace !== LEASE_NAMESPACE) {
    throw refused(attributes, `can only access leases in the ${goQuote(LEASE_NAMESPACE)} system namespace`)
  }
  checkOwnName(attributes, nodeName, 'node lease')
}

function checkOwnName(attributes: AdmissionAttributes, nodeName: string, what: string): void {
  const name = attributes.operation === 'CREATE' ? attributes.object?.metadata.name : attributes.name
  if (name === nodeName) return
  throw refused(attributes, `can only access ${what} with the same name as the requesting node`)
}

function checkResourceSlice(attributes: AdmissionAttributes, nodeName: string): void {
  const { operation, object, oldObject } = attributes
  if (operation === 'UPDATE') return
  const slice = (operation === 'CREATE' ? object : oldObject) as unknown as ResourceSlice
  if (slice.spec.nodeName === nodeName) return
  const verb = operation === 'CREATE' ? 'create' : 'delete'
  throw refused(attributes, `can only ${verb} ResourceSlice with the same NodeName as the requesting node`)
}

function checkCertificateRequest(attributes: AdmissionAttributes, nodeName: string): void {
  if (attributes.operation !== 'CREATE') return
  const { spec } = attributes.object as unknown as CertificateSigningRequest
  if (!NODE_SIGNERS.includes(spec?.signerName)) return
  const expected = `system:node:${nodeName}`
  if (commonNameOf(attributes, spec.request) === expected) return
  throw refused(attributes, `can only create a node CSR with CN=${expected}`)
}

function commonNameOf(attributes: AdmissionAttributes, request: string): string {
  try {
    return certificateRequestSubject(request).commonName
  } catch (error) {
    if (error instanceof DerError) throw refused(attributes, `unable to parse csr: ${error.message}`)
    throw error
  }
}
