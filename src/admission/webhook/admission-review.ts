import { randomUUID } from 'node:crypto'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { AdmissionAttributes } from '../admission.ts'
import type { Invocation } from './hook-matcher.ts'

type ReviewVersion = 'v1' | 'v1beta1'

export const REVIEW_GROUP = 'admission.k8s.io'

/** The first version that the webhook accepts and the server knows; undefined: none. */
export function reviewVersionOf(accepted: readonly string[]): ReviewVersion | undefined {
  return accepted.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1')
}

export interface ReviewRequest {
  readonly uid: string
  readonly version: ReviewVersion
  /** JSON of the AdmissionReview. */
  readonly body: Buffer
}

/** Objects of a request in the version in which a webhook sees them, as JSON; `null` where there is none. */
export interface ReviewedObjects {
  readonly object: string
  readonly oldObject: string
}

/**
 * An AdmissionReview of a request. Objects come as text, which several webhooks share.
 *
 * @see apiserver pkg/admission/plugin/webhook/request/admissionreview.go
 */
export function reviewRequest(
  attributes: AdmissionAttributes,
  { resource, kind }: Omit<Invocation, 'hook'>,
  version: ReviewVersion,
  { object, oldObject }: ReviewedObjects,
): ReviewRequest {
  const uid = randomUUID()
  const { subresource, name, namespace, operation, options, dryRun } = attributes
  const head = JSON.stringify({
    uid,
    kind: kindOf(kind),
    resource: resourceOf(resource),
    subResource: subresource || undefined,
    requestKind: kindOf(attributes.kind),
    requestResource: resourceOf(attributes.resource),
    requestSubResource: subresource || undefined,
    name: name || undefined,
    namespace: namespace || undefined,
    operation,
    userInfo: userInfoOf(attributes.user),
  })
  const tail = JSON.stringify({ dryRun, options: options ?? null })
  const request = `${head.slice(0, -1)},"object":${object},"oldObject":${oldObject},${tail.slice(1)}`
  const apiVersion = apiVersionOf({ group: REVIEW_GROUP, version })
  const body = Buffer.from(`{"kind":"AdmissionReview","apiVersion":"${apiVersion}","request":${request}}\n`)
  return { uid, version, body }
}

const kindOf = ({ group, version, kind }: Invocation['kind']) => ({ group, version, kind })
const resourceOf = ({ group, version, resource }: Invocation['resource']) => ({ group, version, resource })

function userInfoOf(user: UserInfo | undefined) {
  if (!user) return {}
  const { name, uid, groups, extra } = user
  return {
    username: name || undefined,
    uid: uid || undefined,
    groups: groups.length > 0 ? groups : undefined,
    extra: Object.keys(extra).length > 0 ? extra : undefined,
  }
}
