import { aggregateMessage, notFound } from '../../../apimachinery/api-error.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { TokenRequest } from '../../../apimachinery/types/authentication-v1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import type { AdmissionDependencies } from '../../admission-dependencies.ts'
import { refused } from '../../refusal.ts'
import { searchAudience } from './token-audience.ts'

type Needs = Pick<AdmissionDependencies, 'reader' | 'authorizer'>

/** A node gets tokens that are bound to pods that run on it, for audiences that these pods have use for. */
export async function checkTokenRequest(
  attributes: AdmissionAttributes,
  nodeName: string,
  user: UserInfo,
  needs: Needs,
): Promise<void> {
  const { operation, subresource, namespace, object } = attributes
  if (operation !== 'CREATE' || subresource !== 'token') return
  const { spec } = object as unknown as TokenRequest
  const bound = spec?.boundObjectRef
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) {
    throw refused(attributes, 'node requested token not bound to a pod')
  }
  if (!bound.uid) throw refused(attributes, 'node requested token with a pod binding without a uid')
  const pod = (await needs.reader.get('', 'pods', namespace, bound.name)) as unknown as Pod | undefined
  if (!pod) throw notFound({ group: '', resource: 'pod' }, bound.name)
  if (bound.uid !== pod.metadata.uid) {
    const why = `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw refused(attributes, why)
  }
  if (pod.spec?.nodeName !== nodeName) {
    throw refused(attributes, 'node requested token bound to a pod scheduled on a different node')
  }
  const problem = await audienceProblem(attributes, pod, spec?.audiences ?? [], user, needs)
  if (problem !== undefined) throw refused(attributes, problem)
}

/** @see KEP-4412, gate ServiceAccountNodeAudienceRestriction */
async function audienceProblem(
  { namespace, name }: AdmissionAttributes,
  pod: Pod,
  audiences: readonly string[],
  user: UserInfo,
  { reader, authorizer }: Needs,
): Promise<string | undefined> {
  if (audiences.length > 1) return 'node may only request 0 or 1 audiences'
  const audience = audiences[0] ?? ''
  const search = await searchAudience(reader, pod, audience)
  if (search.found) return undefined
  if (search.errors.length > 0) {
    return `error validating audience ${goQuote(audience)}: ${aggregateMessage(search.errors)}`
  }
  const { decision, error } = await authorizer.authorize({
    user,
    verb: 'request-serviceaccounts-token-audience',
    isResourceRequest: true,
    path: '',
    apiGroup: '',
    apiVersion: 'v1',
    namespace,
    resource: audience,
    subresource: '',
    name,
    fieldSelector: '',
    labelSelector: '',
  })
  if (decision === 'allow') return undefined
  const head = `audience ${goQuote(audience)} not found in pod spec volume`
  return error === undefined
    ? `${head}, ${user.name} is not authorized to request tokens for this audience`
    : `${head}, error authorizing ${user.name} to request tokens for this audience: ${error}`
}
