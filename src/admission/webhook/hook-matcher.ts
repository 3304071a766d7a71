import { internalError, notFound } from '../../apimachinery/api-error.ts'
import type { GroupVersionKind, GroupVersionResource } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { LabelSelectorError, type Selector } from '../../apimachinery/label-selector.ts'
import type { MatchCondition } from '../../apimachinery/types/admissionregistration-v1.ts'
import type { AdmissionAttributes } from '../admission.ts'
import type { ObjectReader } from '../object-reader.ts'
import { refused } from '../refusal.ts'
import type { Hook } from './hook.ts'
import { matchesRule } from './rule-matching.ts'
import type { VersionedObjects } from './versioned-objects.ts'

/** A webhook that is to be called for a request, and as what it is to see the request. */
export interface Invocation {
  readonly hook: Hook
  readonly resource: GroupVersionResource
  readonly kind: GroupVersionKind
}

/** Decides on `matchConditions`. Errors: 403 where that cannot be decided and the webhook fails closed. */
export interface MatchConditions {
  matches(
    conditions: readonly MatchCondition[],
    invocation: Invocation,
    attributes: AdmissionAttributes,
  ): Promise<boolean>
}

/** No webhook with conditions is called, or passed over, by a server that cannot evaluate them. */
const refusedConditions: MatchConditions = {
  matches({ length }, { hook }, attributes) {
    const why = `admission webhook "${hook.name}" has ${length} matchConditions, which this server does not evaluate`
    return Promise.reject(refused(attributes, why))
  },
}

/** @see apiserver pkg/admission/plugin/webhook/generic/webhook.go ShouldCallHook */
export class HookMatcher {
  readonly #reader: ObjectReader
  readonly #versions: VersionedObjects
  readonly #conditions: MatchConditions

  constructor(reader: ObjectReader, versions: VersionedObjects, conditions: MatchConditions = refusedConditions) {
    this.#reader = reader
    this.#versions = versions
    this.#conditions = conditions
  }

  /** How to call the hook; undefined: the request does not concern it. Errors: 403, 404, 500. */
  async match(hook: Hook, attributes: AdmissionAttributes): Promise<Invocation | undefined> {
    const invocation = this.#matchRules(hook, attributes)
    if (!invocation) return undefined
    if (!matchesObject(selectorOf(hook.objectSelector), attributes)) return undefined
    if (!(await this.#matchesNamespace(hook, attributes))) return undefined
    if (hook.matchConditions.length === 0) return invocation
    return (await this.#conditions.matches(hook.matchConditions, invocation, attributes)) ? invocation : undefined
  }

  #matchRules(hook: Hook, attributes: AdmissionAttributes): Invocation | undefined {
    const { resource, subresource, kind } = attributes
    if (hook.rules.some((rule) => matchesRule(rule, attributes))) return { hook, resource, kind }
    if (!hook.matchesEquivalents) return undefined
    const others = this.#versions.equivalents(resource, subresource)
    if (others.length < 2) return undefined
    const subject = { operation: attributes.operation, namespace: attributes.namespace, subresource }
    for (const rule of hook.rules) {
      for (const other of others) {
        if (!isSame(other.resource, resource) && matchesRule(rule, { ...subject, resource: other.resource })) {
          return { hook, ...other }
        }
      }
    }
    return undefined
  }

  async #matchesNamespace(hook: Hook, attributes: AdmissionAttributes): Promise<boolean> {
    const { namespace, resource } = attributes
    if (namespace === '' && resource.resource !== 'namespaces') return true
    const selector = selectorOf(hook.namespaceSelector)
    return selector.isEmpty() || selector.matches(await this.#namespaceLabels(attributes))
  }

  /** A namespace that is being written counts as it will be. */
  async #namespaceLabels({ resource, subresource, operation, namespace, object }: AdmissionAttributes) {
    const isWrite = operation === 'CREATE' || operation === 'UPDATE'
    if (resource.resource === 'namespaces' && subresource === '' && isWrite) return object?.metadata.labels
    const found = await this.#reader.get('', 'namespaces', '', namespace)
    if (!found) throw notFound({ group: '', resource: 'namespaces' }, namespace)
    return found.metadata.labels
  }
}

const isSame = (a: GroupVersionResource, b: GroupVersionResource): boolean =>
  a.resource === b.resource && a.version === b.version && a.group === b.group

function selectorOf(make: () => Selector): Selector {
  try {
    return make()
  } catch (error) {
    if (error instanceof LabelSelectorError) throw internalError(error.message, { cause: error })
    throw error
  }
}

/** The old or the new object must fit; what has no metadata (options of a CONNECT) fits no selector. */
function matchesObject(selector: Selector, { object, oldObject }: AdmissionAttributes): boolean {
  if (selector.isEmpty()) return true
  const fits = (candidate: KubeObject | undefined): boolean =>
    candidate?.metadata !== undefined && selector.matches(candidate.metadata.labels)
  return fits(object) || fits(oldObject)
}
