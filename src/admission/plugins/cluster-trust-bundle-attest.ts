import { goQuote } from '../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { ClusterTrustBundle } from '../../apimachinery/types/certificates-v1beta1.ts'
import type { Authorizer } from '../../auth/authz/authorizer.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'
import { isAuthorizedForSigner } from './signer-authorization.ts'

/**
 * Whoever publishes trust anchors in the name of a signer must have the right to attest for it.
 *
 * @see kubernetes plugin/pkg/admission/certificates/ctbattest/admission.go
 */
export function clusterTrustBundleAttest(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ClusterTrustBundleAttest',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    async validate(attributes) {
      const { user, object, oldObject } = attributes
      if (!user || !isFor(attributes, 'certificates.k8s.io', 'clustertrustbundles')) return
      const signer = (object as unknown as ClusterTrustBundle).spec.signerName
      if (!signer || (oldObject && changesOnlyOwnership(object!, oldObject))) return
      if (await isAuthorizedForSigner(authorizer, user, 'attest', signer)) return
      throw refused(attributes, `user not permitted to attest for signerName ${goQuote(signer)}`)
    },
  }
}

/** Nothing but owners, finalizers and who manages which field has changed. */
function changesOnlyOwnership(object: KubeObject, old: KubeObject): boolean {
  const comparable = ({ metadata, ...rest }: KubeObject) => {
    const { ownerReferences: _o, finalizers: _f, managedFields: _m, selfLink: _s, ...kept } = metadata
    return { ...rest, metadata: kept }
  }
  return semanticEqual(comparable(object), comparable(old))
}
