import { badRequest, invalid as invalidObject } from '../../apimachinery/api-error.ts'
import type { FieldError } from '../../apimachinery/field-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '../../apimachinery/types/authorization-v1.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { AuthorizationAttributes, Authorizer } from '../../auth/authz/authorizer.ts'
import {
  validateLocalSubjectAccessReview,
  validateSelfSubjectAccessReview,
  validateSubjectAccessReview,
} from '../../registry/authorization/access-review.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import { type ReviewedSelector, reviewedFieldSelector, reviewedLabelSelector } from './access-selector.ts'

const GROUP = 'authorization.k8s.io'

/** Reviews that ask the authorizer what somebody may do (kubernetes pkg/registry/authorization). */
export function accessReviews(authorizer: Authorizer): ReadonlyMap<string, VirtualHandlers> {
  return new Map([
    [`${GROUP}/subjectaccessreviews`, subjectAccessReview(authorizer)],
    [`${GROUP}/localsubjectaccessreviews`, localSubjectAccessReview(authorizer)],
    [`${GROUP}/selfsubjectaccessreviews`, selfSubjectAccessReview(authorizer)],
    [`${GROUP}/selfsubjectrulesreviews`, selfSubjectRulesReview(authorizer)],
  ])
}

function subjectAccessReview(authorizer: Authorizer): VirtualHandlers {
  return {
    async create(_call, { body, validate }) {
      const review = body as unknown as SubjectAccessReview
      refuse(validateSubjectAccessReview(review))
      await validate()
      return await answer(authorizer, body, subjectOf(review.spec), review.spec)
    },
  }
}

function localSubjectAccessReview(authorizer: Authorizer): VirtualHandlers {
  return {
    async create(_call, { body, validate }) {
      const review = body as unknown as LocalSubjectAccessReview
      refuse(validateLocalSubjectAccessReview(review))
      await validate()
      return await answer(authorizer, body, subjectOf(review.spec), review.spec)
    },
  }
}

function selfSubjectAccessReview(authorizer: Authorizer): VirtualHandlers {
  return {
    async create(call, { body, validate }) {
      const review = body as unknown as SelfSubjectAccessReview
      refuse(validateSelfSubjectAccessReview(review))
      await validate()
      return await answer(authorizer, body, call.user!, review.spec)
    },
  }
}

function selfSubjectRulesReview(authorizer: Authorizer): VirtualHandlers {
  return {
    async create(call, { body, validate }) {
      const namespace = (body as unknown as SelfSubjectRulesReview).spec?.namespace ?? ''
      if (namespace === '') throw badRequest('no namespace on request')
      await validate()
      const rules = await authorizer.rulesFor?.(call.user!, namespace)
      const status = {
        resourceRules: rules?.resourceRules ?? [],
        nonResourceRules: rules?.nonResourceRules ?? [],
        incomplete: rules?.incomplete ?? true,
        ...(rules?.evaluationError ? { evaluationError: rules.evaluationError } : {}),
      }
      const { kind, apiVersion } = body
      return { kind, apiVersion, metadata: {}, spec: {}, status }
    },
  }
}

/** Upstream leaves the kind of these refusals empty. */
function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject({ group: GROUP, kind: '' }, '', errors)
}

function subjectOf({ user = '', uid = '', groups = [], extra = {} }: SubjectAccessReviewSpec): UserInfo {
  return { name: user, uid, groups, extra }
}

async function answer(
  authorizer: Authorizer,
  body: KubeObject,
  user: UserInfo,
  spec: SelfSubjectAccessReviewSpec,
): Promise<KubeObject> {
  const { resourceAttributes } = spec
  const fieldSelector = reviewedFieldSelector(resourceAttributes?.fieldSelector)
  const labelSelector = reviewedLabelSelector(resourceAttributes?.labelSelector)
  const attributes = attributesOf(user, spec, fieldSelector.text, labelSelector.text)
  const { decision, reason, error } = await authorizer.authorize(attributes)
  const evaluationError = [
    ...(error === undefined ? [] : [error]),
    ...ignoredPart('fieldSelector', fieldSelector),
    ...ignoredPart('labelSelector', labelSelector),
  ].join('; ')
  const status: SubjectAccessReviewStatus = {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(evaluationError === '' ? {} : { evaluationError }),
  }
  return { ...body, status }
}

function ignoredPart(name: string, { ignored }: ReviewedSelector): string[] {
  if (ignored === 'nothing') return []
  return [`spec.resourceAttributes.${name} ${ignored === 'part' ? 'partially ' : ''}ignored due to parse error`]
}

function attributesOf(
  user: UserInfo,
  { resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec,
  fieldSelector: string,
  labelSelector: string,
): AuthorizationAttributes {
  const {
    verb = '',
    group = '',
    version,
    resource = '',
    subresource = '',
    namespace = '',
    name = '',
  } = resourceAttributes ?? {}
  return {
    user,
    verb: resourceAttributes ? verb : (nonResourceAttributes?.verb ?? ''),
    isResourceRequest: resourceAttributes !== undefined,
    path: nonResourceAttributes?.path ?? '',
    apiGroup: group,
    apiVersion: resourceAttributes ? version || '*' : '',
    namespace,
    resource,
    subresource,
    name,
    fieldSelector,
    labelSelector,
  }
}
