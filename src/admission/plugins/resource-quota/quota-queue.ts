import { internalError } from '../../../apimachinery/api-error.ts'
import type { Clock } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ResourceQuota } from '../../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes } from '../../admission.ts'
import { resourceListOf, sameAmounts } from './amounts.ts'
import { checkRequest } from './check-request.ts'
import type { LimitedResource } from './configuration.ts'
import type { QuotaAccessor } from './quota-accessor.ts'
import type { QuotaEvaluator } from './quota-evaluator.ts'
import { type RunningQuota, runningQuota } from './running-quota.ts'

/** How long a request waits for its turn and the write of the usage. */
const TIMEOUT_MS = 10_000
/** Further attempts where another server wrote a quota in between. */
const RETRIES = 3

interface Waiter {
  readonly attributes: AdmissionAttributes
  readonly evaluator: QuotaEvaluator
  /** Settled once; undefined: let through. */
  readonly finish: (error?: unknown) => void
}

/**
 * Checks requests against quotas, those of a namespace one batch after the other: what waits while a batch is written
 * makes up the next, so that many requests share one write of each quota, and none is let through before the usage that
 * it causes is stored.
 *
 * @see apiserver pkg/admission/plugin/resourcequota/controller.go
 */
export class QuotaQueue {
  readonly #accessor: QuotaAccessor
  readonly #limited: readonly LimitedResource[]
  readonly #clock: Clock
  readonly #waiting = new Map<string, Waiter[]>()

  constructor(accessor: QuotaAccessor, limited: readonly LimitedResource[], clock: Clock) {
    this.#accessor = accessor
    this.#limited = limited
    this.#clock = clock
  }

  /** Resolves once the request's usage is stored; undefined where nothing limits it. Errors: 403, 500. */
  check(attributes: AdmissionAttributes, evaluator: QuotaEvaluator): Promise<void> | undefined {
    if (this.#limited.length === 0 && this.#accessor.hasNone(attributes.namespace)) return undefined
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(() => reject(internalError('resource quota evaluation timed out')), TIMEOUT_MS)
      const finish = (error?: unknown): void => {
        timer.cancel()
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#add({ attributes, evaluator, finish })
    })
  }

  #add(waiter: Waiter): void {
    const { namespace } = waiter.attributes
    const waiting = this.#waiting.get(namespace)
    if (waiting) {
      waiting.push(waiter)
      return
    }
    this.#waiting.set(namespace, [waiter])
    void this.#drain(namespace)
  }

  /** One run per namespace at a time: it ends where nothing waits any more. */
  async #drain(namespace: string): Promise<void> {
    for (let batch = this.#take(namespace); batch.length > 0; batch = this.#take(namespace)) {
      try {
        await this.#checkBatch(namespace, batch)
      } catch (error) {
        for (const { finish } of batch) finish(error)
      }
    }
    this.#waiting.delete(namespace)
  }

  #take(namespace: string): readonly Waiter[] {
    const batch = this.#waiting.get(namespace)!
    if (batch.length > 0) this.#waiting.set(namespace, [])
    return batch
  }

  async #checkBatch(namespace: string, batch: readonly Waiter[]): Promise<void> {
    const quotas = await this.#accessor.quotasOf(namespace)
    if (quotas.length === 0 && this.#limited.length === 0) {
      for (const { finish } of batch) finish()
      return
    }
    await this.#settle(namespace, quotas, batch, RETRIES)
  }

  /** Lets through what fits and stores the usage, refuses what does not. Every waiter is settled on return. */
  async #settle(
    namespace: string,
    objects: readonly KubeObject[],
    batch: readonly Waiter[],
    retries: number,
  ): Promise<void> {
    const before = objects.map(runningQuota)
    let quotas: readonly RunningQuota[] = before
    const charged: Waiter[] = []
    for (const waiter of batch) {
      try {
        const after = await checkRequest(quotas, waiter.attributes, waiter.evaluator, this.#limited)
        if (waiter.attributes.dryRun || after.every((quota, i) => sameAmounts(quota.used, quotas[i]!.used))) {
          waiter.finish()
        } else {
          quotas = after
          charged.push(waiter)
        }
      } catch (error) {
        waiter.finish(error)
      }
    }
    if (charged.length === 0) return
    const failed = await this.#store(quotas.filter((quota, i) => !sameAmounts(quota.used, before[i]!.used)))
    if (failed.size === 0) {
      for (const { finish } of charged) finish()
      return
    }
    if (retries === 0) {
      const [error] = failed.values()
      for (const { finish } of charged) finish(error)
      return
    }
    // Quotas that were written have charged these requests already: only the others are looked at again.
    const again = (await this.#accessor.quotasOf(namespace)).filter(({ metadata }) => failed.has(metadata.name!))
    await this.#settle(namespace, again, charged, retries - 1)
  }

  /** Errors of the quotas that could not be written, by name. */
  async #store(quotas: readonly RunningQuota[]): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>()
    for (const running of quotas) {
      try {
        await this.#accessor.update(withUsage(running))
      } catch (error) {
        failed.set(running.name, error)
      }
    }
    return failed
  }
}

function withUsage({ object, used }: RunningQuota): KubeObject {
  const copy = cloneJson(object)
  const quota = copy as unknown as ResourceQuota
  quota.status = { ...quota.status, used: resourceListOf(used) }
  return copy
}
