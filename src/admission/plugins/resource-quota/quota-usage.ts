import type { Clock } from '../../../apimachinery/clock.ts'
import type { ResourceQuota } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { type Amounts, add, amountsOf, mask, ZERO } from './amounts.ts'
import { QuotaEvaluators } from './evaluators.ts'
import { scopeSelectorsOf } from './scope-selectors.ts'

/** How a recount of a quota reads the namespace. */
interface QuotaUsageReader extends Pick<ObjectReader, 'get' | 'list'> {
  /** Whether the resource exists: what does not is left out of the usage. Default: everything does. */
  serves?(group: string, resource: string): boolean
}

/**
 * What the objects of a namespace use of what a quota limits (`spec.hard`), counted anew. Limits that nothing can use
 * have no entry.
 *
 * @see apiserver pkg/quota/v1/resources.go CalculateUsage
 */
export async function quotaUsage(
  reader: QuotaUsageReader,
  namespace: string,
  quota: ResourceQuota,
  clock: Clock,
): Promise<Amounts> {
  const names = [...amountsOf(quota.spec?.hard).keys()]
  const selectors = scopeSelectorsOf(quota)
  const evaluators = await new QuotaEvaluators(reader, clock).matching(names)
  let usage: Amounts = new Map()
  for (const evaluator of evaluators) {
    const { group, resource } = evaluator
    if (reader.serves && !reader.serves(group, resource)) continue
    const matched = new Set(evaluator.matchingResources(names))
    usage = add(usage, new Map([...matched].map((name) => [name, ZERO])))
    for (const object of await reader.list(group, resource, namespace)) {
      if (!selectors.every((selector) => evaluator.matchesScope?.(selector, object) ?? false)) continue
      usage = add(usage, mask(await evaluator.usage(object), matched))
    }
  }
  return usage
}
