import type { Clock } from '../../apimachinery/clock.ts'
import { FieldSelectorError, parseFieldSelector } from '../../apimachinery/field-selector.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import { LabelSelectorError, parseLabelSelector } from '../../apimachinery/label-selector.ts'
import { ExpiringCache } from '../webhook/expiring-cache.ts'
import type { Reviewer } from '../webhook/reviewer.ts'
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, UserRules } from './authorizer.ts'

interface WebhookAuthorizerOptions {
  readonly reviewer: Reviewer
  readonly version: 'v1' | 'v1beta1'
  /** How long an allow counts, and any other answer, in milliseconds. */
  readonly authorizedTtlMs: number
  readonly unauthorizedTtlMs: number
  /** What counts where the webhook can't be asked; default: no opinion, the next authorizer is asked. */
  readonly onFailure?: 'deny' | 'no-opinion'
  readonly clock: Clock
}

const MAX_CACHED = 8192
/** Answers to requests whose parts that clients choose are longer than this in all are not kept. */
const MAX_CACHED_REQUEST = 10_000

/**
 * Asks a webhook what users may do (SubjectAccessReview).
 *
 * @see apiserver plugin/pkg/authorizer/webhook/webhook.go
 */
export class WebhookAuthorizer implements Authorizer {
  readonly name = 'Webhook'
  readonly #options: WebhookAuthorizerOptions
  readonly #cache: ExpiringCache<AuthorizationDecision>

  constructor(options: WebhookAuthorizerOptions) {
    this.#options = options
    this.#cache = new ExpiringCache(MAX_CACHED, options.clock)
  }

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const spec = specOf(attributes, this.#options.version)
    const key = JSON.stringify(spec)
    const known = this.#cache.get(key)
    if (known) return known
    let decision: AuthorizationDecision
    try {
      decision = decisionOf(await this.#options.reviewer.review(this.#review(spec)))
    } catch (error) {
      return { decision: this.#options.onFailure ?? 'no-opinion', reason: '', error: (error as Error).message }
    }
    const { authorizedTtlMs, unauthorizedTtlMs } = this.#options
    const ttl = decision.decision === 'allow' ? authorizedTtlMs : unauthorizedTtlMs
    if (isCacheable(attributes)) this.#cache.set(key, decision, ttl)
    return decision
  }

  rulesFor(): UserRules {
    const evaluationError = 'webhook authorizer does not support user rule resolution'
    return { resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError }
  }

  #review(spec: object): object {
    return {
      kind: 'SubjectAccessReview',
      apiVersion: `authorization.k8s.io/${this.#options.version}`,
      metadata: { creationTimestamp: null },
      spec,
      status: { allowed: false },
    }
  }
}

function decisionOf({ allowed, denied, reason }: JsonObject): AuthorizationDecision {
  const why = typeof reason === 'string' ? reason : ''
  if (denied === true && allowed === true) {
    const error = 'webhook subject access review returned both allow and deny response'
    return { decision: 'deny', reason: why, error }
  }
  if (denied === true) return { decision: 'deny', reason: why }
  return { decision: allowed === true ? 'allow' : 'no-opinion', reason: why }
}

function isCacheable({
  namespace,
  name,
  resource,
  subresource,
  apiGroup,
  apiVersion,
  path,
}: AuthorizationAttributes): boolean {
  return [namespace, name, resource, subresource, apiGroup, apiVersion, path].join('').length < MAX_CACHED_REQUEST
}

function specOf(attributes: AuthorizationAttributes, version: 'v1' | 'v1beta1'): JsonObject {
  const { user, verb, isResourceRequest, path } = attributes
  return {
    ...(isResourceRequest
      ? { resourceAttributes: resourceAttributesOf(attributes) }
      : { nonResourceAttributes: withoutEmpty({ path, verb }) }),
    ...withoutEmpty({ user: user.name, uid: user.uid }),
    // The old version has the groups under another name.
    ...(user.groups.length > 0 ? { [version === 'v1' ? 'groups' : 'group']: user.groups } : {}),
    ...(Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
  }
}

function resourceAttributesOf(attributes: AuthorizationAttributes): JsonObject {
  const { namespace, verb, apiGroup, apiVersion, resource, subresource, name } = attributes
  const fields = fieldRequirements(attributes.fieldSelector)
  const labels = labelRequirements(attributes.labelSelector)
  return {
    ...withoutEmpty({ namespace, verb, group: apiGroup, version: apiVersion, resource, subresource, name }),
    ...(fields.length > 0 ? { fieldSelector: { requirements: fields } } : {}),
    ...(labels.length > 0 ? { labelSelector: { requirements: labels } } : {}),
  }
}

function withoutEmpty(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
}

function fieldRequirements(text: string): JsonObject[] {
  if (text === '') return []
  try {
    return parseFieldSelector(text).requirements.map(({ field, operator, value }) => ({
      key: field,
      operator: operator === '!=' ? 'NotIn' : 'In',
      values: [value],
    }))
  } catch (error) {
    if (error instanceof FieldSelectorError) return []
    throw error
  }
}

const LABEL_OPERATORS: Readonly<Record<string, string | undefined>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
}

function labelRequirements(text: string): JsonObject[] {
  if (text === '') return []
  try {
    return parseLabelSelector(text).requirements.flatMap(({ key, operator, values }) => {
      const word = LABEL_OPERATORS[operator]
      if (!word) return []
      return [{ key, operator: word, ...(values.length > 0 ? { values: [...values] } : {}) }]
    })
  } catch (error) {
    if (error instanceof LabelSelectorError) return []
    throw error
  }
}
