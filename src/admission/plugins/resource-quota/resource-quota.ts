import type { Clock } from '../../../apimachinery/clock.ts'
import type { AdmissionPlugin } from '../../admission.ts'
import type { ObjectReader } from '../../object-reader.ts'
import type { ResourceQuotaConfiguration } from './configuration.ts'
import { QuotaEvaluators } from './evaluators.ts'
import { QuotaAccessor, type QuotaStatusWriter } from './quota-accessor.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'
import { QuotaQueue } from './quota-queue.ts'

interface ResourceQuotaDependencies {
  readonly reader: ObjectReader
  readonly clock: Clock
  readonly quotaStatus: QuotaStatusWriter
  readonly configuration?: ResourceQuotaConfiguration | undefined
}

/**
 * Refuses what would use more of a namespace's quota than is left, and keeps the usage in the quota's status before it
 * lets a request through. What a request that fails later had been charged comes back with the quota controller's next
 * count.
 *
 * @see apiserver pkg/admission/plugin/resourcequota/admission.go
 */
export function resourceQuotaPlugin(dependencies: ResourceQuotaDependencies): AdmissionPlugin {
  const { reader, clock, quotaStatus, configuration } = dependencies
  const evaluators = new QuotaEvaluators(reader, clock)
  const queue = new QuotaQueue(new QuotaAccessor(reader, quotaStatus), configuration?.limitedResources ?? [], clock)
  return {
    name: 'ResourceQuota',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    validate(attributes) {
      const { namespace, operation, kind, resource } = attributes
      if (namespace === '') return
      if (operation === 'CREATE' && kind.kind === 'Namespace' && kind.group === '') return
      const check = (evaluator: QuotaEvaluator | undefined) =>
        evaluator?.handles(attributes) ? queue.check(attributes, evaluator) : undefined
      const found = evaluators.of(resource)
      return found instanceof Promise ? found.then(check) : check(found)
    },
  }
}
