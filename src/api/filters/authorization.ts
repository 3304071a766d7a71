import { type ApiError, forbidden, internalError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { andThen, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../../auth/authz/authorizer.ts'
import type { Call } from '../call.ts'

/** What the authorizer is asked about a request. */
export function attributesOf(call: Call): AuthorizationAttributes {
  const { info } = call
  return {
    user: call.user!,
    verb: info.verb,
    isResourceRequest: info.isResourceRequest,
    path: info.path,
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    namespace: info.namespace,
    resource: info.resource,
    subresource: info.subresource,
    name: info.name,
    fieldSelector: info.fieldSelector,
    labelSelector: info.labelSelector,
  }
}

/** Lets a request through or refuses it. Errors: 403, 500. */
export function authorize(call: Call, authorizer: Authorizer): MaybePromise<void> {
  const attributes = attributesOf(call)
  return andThen(authorizer.authorize(attributes), (decision) => heed(call, attributes, decision, authorizer.name))
}

function heed(
  call: Call,
  attributes: AuthorizationAttributes,
  { decision, reason, error, by }: AuthorizationDecision,
  asked: string,
): void {
  call.trace?.authorized(by ?? asked, reason)
  call.auditAnnotations.set('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid')
  if (reason !== '') call.auditAnnotations.set('authorization.k8s.io/reason', reason)
  if (decision === 'allow') return
  if (error !== undefined) throw internalError(error)
  throw forbiddenError(attributes, reason)
}

/** 403 in upstream's words (apiserver pkg/endpoints/handlers/responsewriters/errors.go). */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): ApiError {
  const resource = { group: attributes.apiGroup, resource: attributes.resource }
  const name = attributes.isResourceRequest ? attributes.name : ''
  const what = forbiddenMessage(attributes)
  return forbidden(
    attributes.isResourceRequest ? resource : { group: '', resource: '' },
    name,
    reason === '' ? what : `${what}: ${reason}`,
  )
}

/** `User "jane" cannot list resource "pods" in API group "" in the namespace "dev"` */
export function forbiddenMessage(attributes: AuthorizationAttributes): string {
  const user = `User ${goQuote(attributes.user.name)}`
  if (!attributes.isResourceRequest) return `${user} cannot ${attributes.verb} path ${goQuote(attributes.path)}`
  const { resource, subresource, namespace } = attributes
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`
  return `${user} cannot ${attributes.verb} resource ${goQuote(what)} in API group ${goQuote(attributes.apiGroup)} ${where}`
}
