import { unknownError } from '../../../apimachinery/api-error.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ScopedResourceSelectorRequirement } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import { refused } from '../../refusal.ts'
import { type Amounts, add, exceeding, mask, printAmounts, subtractNonNegative, withoutZeros } from './amounts.ts'
import type { LimitedResource } from './configuration.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'
import type { RunningQuota } from './running-quota.ts'
import { scopeSelectorsOf } from './scope-selectors.ts'

/**
 * The quotas as they would stand once the request is through. Errors: 403 where it would exceed one, or does not say
 * what a quota needs to know; 500 without a reason where a limited scope has no quota.
 *
 * @see apiserver pkg/admission/plugin/resourcequota/controller.go CheckRequest
 */
export async function checkRequest(
  quotas: readonly RunningQuota[],
  attributes: AdmissionAttributes,
  evaluator: QuotaEvaluator,
  limited: readonly LimitedResource[],
): Promise<readonly RunningQuota[]> {
  const object = attributes.object
  if (!object || !evaluator.handles(attributes)) return quotas
  const covering = new Covering(evaluator, object)
  const interesting = quotas.filter((quota) => covering.take(quota, attributes))
  if (interesting.length === 0 && limited.length === 0) return quotas
  const usage = await evaluator.usage(object)
  const negative = [...usage].filter(([, quantity]) => quantity.sign() < 0).map(([name]) => name)
  if (negative.length > 0) {
    throw refused(attributes, `quota usage is negative for resource(s): ${negative.sort().join(',')}`)
  }
  const deltas = await deltasOf(interesting, attributes, evaluator, usage)
  if (deltas.byQuota.size === 0 && deltas.elsewhere.size === 0) return quotas
  covering.checkLimited(attributes, limited, usage)
  return quotas.map((quota) => {
    const delta = deltas.byQuota.get(quota)
    return delta ? charged(quota, delta, attributes) : quota
  })
}

/** Collects what the quotas that match the object cover. */
class Covering {
  readonly #evaluator: QuotaEvaluator
  readonly #object: KubeObject
  readonly #resources = new Set<string>()
  readonly #scopes = new Set<string>()

  constructor(evaluator: QuotaEvaluator, object: KubeObject) {
    this.#evaluator = evaluator
    this.#object = object
  }

  /** Whether the quota is one that the request counts against. */
  take(running: RunningQuota, attributes: AdmissionAttributes): boolean {
    const { quota, hard, used, name } = running
    const evaluator = this.#evaluator
    for (const { scopeName } of this.#matching(scopeSelectorsOf(quota))) this.#scopes.add(scopeName)
    const restricted = evaluator.matchingResources(hard.keys())
    if (restricted.length === 0 || !matchesAllScopes(evaluator, running, this.#object)) return false
    const unmet = evaluator.unmetConstraints?.(restricted, this.#object)
    if (unmet !== undefined) throw refused(attributes, `failed quota: ${name}: ${unmet}`)
    if (restricted.some((resource) => !used.has(resource))) {
      throw refused(attributes, `status unknown for quota: ${name}, resources: ${restricted.sort().join(',')}`)
    }
    for (const resource of restricted) this.#resources.add(resource)
    return true
  }

  /** What may be used only where a quota covers it must be covered. */
  checkLimited(attributes: AdmissionAttributes, limited: readonly LimitedResource[], usage: Amounts): void {
    const { group, resource } = attributes.resource
    const ofResource = limited.filter((l) => l.resource === resource && (l.apiGroup ?? '') === group)
    const names = [...usage]
      .filter(([name, quantity]) => quantity.sign() > 0 && ofResource.some((l) => contains(l, name)))
      .map(([name]) => name)
      .filter((name) => !this.#resources.has(name))
    if (names.length > 0) throw refused(attributes, `insufficient quota to consume: ${names.sort().join(',')}`)
    const scopes = limited.flatMap(({ matchScopes = [] }) => this.#matching(matchScopes))
    const uncovered = scopes.filter(({ scopeName }) => !this.#scopes.has(scopeName))
    if (uncovered.length > 0) throw unknownError(`insufficient quota to match these scopes: ${printScopes(uncovered)}`)
  }

  #matching(selectors: readonly ScopedResourceSelectorRequirement[]): readonly ScopedResourceSelectorRequirement[] {
    const { matchesScope } = this.#evaluator
    return matchesScope ? selectors.filter((selector) => matchesScope(selector, this.#object)) : []
  }
}

const contains = ({ matchContains = [] }: LimitedResource, name: string): boolean =>
  matchContains.some((part) => name.includes(part))

/** As Go prints the list of structs. */
function printScopes(scopes: readonly ScopedResourceSelectorRequirement[]): string {
  const texts = scopes.map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(' ')}]}`)
  return `[${texts.join(' ')}]`
}

function matchesAllScopes(evaluator: QuotaEvaluator, { quota }: RunningQuota, object: KubeObject): boolean {
  return scopeSelectorsOf(quota).every((selector) => evaluator.matchesScope?.(selector, object) ?? false)
}

interface Deltas {
  /** Of the quotas whose usage changes. */
  readonly byQuota: ReadonlyMap<RunningQuota, Amounts>
  /** What the request takes where no quota is concerned. */
  readonly elsewhere: Amounts
}

/** An update is charged for what it adds, to quotas that knew the object before. */
async function deltasOf(
  interesting: readonly RunningQuota[],
  { operation, oldObject }: AdmissionAttributes,
  evaluator: QuotaEvaluator,
  usage: Amounts,
): Promise<Deltas> {
  const isChange = operation === 'UPDATE' && (oldObject?.metadata.resourceVersion ?? '') !== ''
  const added = isChange ? subtractNonNegative(usage, await evaluator.usage(oldObject!)) : usage
  if (interesting.length === 0) return { byQuota: new Map(), elsewhere: withoutZeros(added) }
  const byQuota = new Map<RunningQuota, Amounts>()
  for (const running of interesting) {
    const known = isChange && matchesAllScopes(evaluator, running, oldObject!)
    const delta = withoutZeros(known ? added : usage)
    if (delta.size > 0) byQuota.set(running, delta)
  }
  return { byQuota, elsewhere: new Map() }
}

function charged(running: RunningQuota, delta: Amounts, attributes: AdmissionAttributes): RunningQuota {
  const { hard, used, name } = running
  const requested = mask(delta, hard)
  const newUsage = add(used, requested)
  // What a status says has happened already.
  if (attributes.subresource === 'status') return { ...running, used: newUsage }
  const exceeded = exceeding(mask(newUsage, requested), hard)
  if (exceeded.size === 0) return { ...running, used: newUsage }
  const parts = [requested, used, hard].map((amounts) => printAmounts(mask(amounts, exceeded)))
  throw refused(attributes, `exceeded quota: ${name}, requested: ${parts[0]}, used: ${parts[1]}, limited: ${parts[2]}`)
}
