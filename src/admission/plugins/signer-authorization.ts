import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Authorizer } from '../../auth/authz/authorizer.ts'

/**
 * Whether a user may do something in the name of a signer, or of all signers of its domain.
 *
 * @see kubernetes pkg/certauthorization/certauthorization.go
 */
export async function isAuthorizedForSigner(
  authorizer: Authorizer,
  user: UserInfo,
  verb: 'approve' | 'sign' | 'attest',
  signerName: string,
): Promise<boolean> {
  const domain = signerName.split('/')[0]!
  for (const name of [signerName, `${domain}/*`]) {
    const { decision, error } = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      path: '',
      apiGroup: 'certificates.k8s.io',
      apiVersion: '*',
      namespace: '',
      resource: 'signers',
      subresource: '',
      name,
      fieldSelector: '',
      labelSelector: '',
    })
    if (decision === 'allow' && error === undefined) return true
  }
  return false
}
