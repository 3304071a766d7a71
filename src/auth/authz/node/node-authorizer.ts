import { FieldSelectorError, parseFieldSelector } from '../../../apimachinery/field-selector.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { PolicyRule } from '../../../apimachinery/types/rbac-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, UserRules } from '../authorizer.ts'
import { ruleAllows } from '../rbac/policy-rule.ts'
import type { NodeUsage } from './node-usage.ts'

const PREFIX = 'system:node:'
const NODES_GROUP = 'system:nodes'
const LEASE_NAMESPACE = 'kube-node-lease'

const ALLOW: AuthorizationDecision = { decision: 'allow', reason: '' }
const NO_OPINION: AuthorizationDecision = { decision: 'no-opinion', reason: '' }
const refuse = (reason: string): AuthorizationDecision => ({ decision: 'no-opinion', reason })

type Check = (node: string, attributes: AuthorizationAttributes) => AuthorizationDecision

/** The node that a user is; undefined where it is none, '' where it does not say which. */
function nodeIdentityOf({ name, groups }: UserInfo): string | undefined {
  if (!name.startsWith(PREFIX) || !groups.includes(NODES_GROUP)) return undefined
  return name.slice(PREFIX.length)
}

/**
 * Lets kubelets do their work: read what their pods use, write what is their own, and nothing else.
 *
 * @see kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go
 */
export class NodeAuthorizer implements Authorizer {
  readonly name = 'Node'
  readonly #usage: () => NodeUsage
  readonly #rules: readonly PolicyRule[]
  /** By `group/resource`: what depends on more than the rules. */
  readonly #checks: ReadonlyMap<string, Check>

  /** `usage` brings itself up to date when asked for; `rules`: those of all nodes alike. */
  constructor(usage: () => NodeUsage, rules: readonly PolicyRule[]) {
    this.#usage = usage
    this.#rules = rules
    this.#checks = new Map<string, Check>([
      ['/secrets', this.#readNamespaced],
      ['/configmaps', this.#readNamespaced],
      ['/persistentvolumeclaims', this.#claim],
      ['/persistentvolumes', this.#get],
      ['resource.k8s.io/resourceclaims', this.#get],
      ['storage.k8s.io/volumeattachments', this.#get],
      ['/serviceaccounts', this.#serviceAccount],
      ['coordination.k8s.io/leases', lease],
      ['storage.k8s.io/csinodes', csiNode],
      ['resource.k8s.io/resourceslices', this.#resourceSlice],
      ['/nodes', ownNode],
      ['/pods', this.#pod],
      // Behind a feature that is off by default.
      ['certificates.k8s.io/podcertificaterequests', () => NO_OPINION],
    ])
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const node = nodeIdentityOf(attributes.user)
    if (node === undefined) return NO_OPINION
    if (node === '') return refuse(`unknown node for user ${goQuote(attributes.user.name)}`)
    if (attributes.isResourceRequest) {
      const check = this.#checks.get(`${attributes.apiGroup}/${attributes.resource}`)
      if (check) return check(node, attributes)
    }
    return this.#rules.some((rule) => ruleAllows(rule, attributes)) ? ALLOW : NO_OPINION
  }

  rulesFor(user: UserInfo): UserRules {
    const none = { resourceRules: [], nonResourceRules: [] }
    if (nodeIdentityOf(user) === undefined) return { ...none, incomplete: false }
    return { ...none, incomplete: true, evaluationError: 'node authorizer does not support user rule resolution' }
  }

  readonly #used: Check = (node, { resource, namespace, name }) => {
    if (name === '') return refuse('No Object name found')
    if (this.#usage().uses(node, resource, namespace, name)) return ALLOW
    return refuse(`no relationship found between node '${node}' and this object`)
  }

  readonly #get: Check = (node, attributes) => {
    if (attributes.verb !== 'get') return refuse('can only get individual resources of this type')
    if (attributes.subresource !== '') return refuse('cannot get subresource')
    return this.#used(node, attributes)
  }

  readonly #readNamespaced: Check = (node, attributes) => {
    const { verb, subresource, namespace } = attributes
    if (verb !== 'get' && verb !== 'list' && verb !== 'watch') return refuse('can only read resources of this type')
    if (subresource !== '') return refuse('cannot read subresource')
    if (namespace === '') return refuse('can only read namespaced object of this type')
    return this.#used(node, attributes)
  }

  readonly #claim: Check = (node, attributes) => {
    if (attributes.subresource !== 'status') return this.#get(node, attributes)
    const { verb } = attributes
    if (verb !== 'update' && verb !== 'patch') return refuse('can only get/update/patch this type')
    return this.#used(node, attributes)
  }

  readonly #serviceAccount: Check = (node, attributes) => {
    const { verb, subresource, name } = attributes
    if (verb === 'get' && subresource === '') return this.#readNamespaced(node, attributes)
    if (verb !== 'create' || name === '') return refuse('can only create tokens for individual service accounts')
    if (subresource !== 'token') return refuse('can only create token subresource of serviceaccount')
    return this.#used(node, attributes)
  }

  readonly #resourceSlice: Check = (node, attributes) => {
    if (attributes.subresource !== '') return refuse('cannot authorize ResourceSlice subresources')
    switch (attributes.verb) {
      case 'create':
        return ALLOW
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        return this.#used(node, attributes)
      case 'watch':
      case 'list':
      case 'deletecollection':
        if (selects(attributes, 'spec.nodeName', node)) return ALLOW
        return refuse('can only list/watch/deletecollection resourceslices with nodeName field selector')
      default:
        return refuse(
          'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
        )
    }
  }

  readonly #pod: Check = (node, attributes) => {
    const { verb, subresource, name } = attributes
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NO_OPINION
    if (subresource === 'eviction') return verb === 'create' ? ALLOW : NO_OPINION
    if (subresource !== '') return NO_OPINION
    if (verb === 'get') return this.#get(node, attributes)
    if (verb === 'create' || verb === 'delete') return ALLOW
    if (verb !== 'list' && verb !== 'watch') return NO_OPINION
    if (selects(attributes, 'spec.nodeName', node)) return ALLOW
    if (name !== '') return this.#used(node, attributes)
    return refuse('can only list/watch pods with spec.nodeName field selector')
  }
}

const OWN_OBJECT_VERBS: ReadonlySet<string> = new Set(['get', 'create', 'update', 'patch', 'delete'])

const lease: Check = (node, { verb, namespace, name }) => {
  if (!OWN_OBJECT_VERBS.has(verb)) return refuse('can only get, create, update, patch, or delete a node lease')
  if (namespace !== LEASE_NAMESPACE) {
    return refuse(`can only access leases in the ${goQuote(LEASE_NAMESPACE)} system namespace`)
  }
  if (verb !== 'create' && name !== node) {
    return refuse('can only access node lease with the same name as the requesting node')
  }
  return ALLOW
}

const csiNode: Check = (node, { verb, subresource, name }) => {
  if (!OWN_OBJECT_VERBS.has(verb)) return refuse('can only get, create, update, patch, or delete a CSINode')
  if (subresource !== '') return refuse('cannot authorize CSINode subresources')
  if (verb !== 'create' && name !== node) {
    return refuse('can only access CSINode with the same name as the requesting node')
  }
  return ALLOW
}

const ownNode: Check = (node, { verb, subresource, name }) => {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? ALLOW : NO_OPINION
  if (subresource !== '') return NO_OPINION
  if (verb === 'create' || verb === 'update' || verb === 'patch') return ALLOW
  if (verb !== 'get' && verb !== 'list' && verb !== 'watch') return NO_OPINION
  if (name === node) return ALLOW
  const what = name === '' ? 'all nodes' : `'${name}'`
  return refuse(`node '${node}' cannot read ${what}, only its own Node object`)
}

/** The request is only for objects whose field has this value. */
function selects({ fieldSelector }: AuthorizationAttributes, field: string, value: string): boolean {
  if (fieldSelector === '') return false
  try {
    return parseFieldSelector(fieldSelector).requiresExactMatch(field) === value
  } catch (error) {
    if (error instanceof FieldSelectorError) return false
    throw error
  }
}
