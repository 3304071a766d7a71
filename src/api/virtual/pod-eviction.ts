import {
  ApiError,
  badRequest,
  invalid as invalidObject,
  isConflict,
  notFound,
  timeoutError,
} from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
import { labelSelectorAsSelector } from '../../apimachinery/label-selector.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { Eviction, PodDisruptionBudget } from '../../apimachinery/types/policy-v1.ts'
import {
  budgetStillProcessing,
  canIgnoreDisruptionBudgets,
  markEvicted,
  shouldEnforceResourceVersion,
  takeDisruption,
  tooManyBudgets,
  unhealthyPodMayGo,
} from '../../registry/core/pod/pod-eviction.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { RequestContext } from '../../registry/generic/request-context.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import { type DeleteRequestOptions, deleteOptionsOf } from '../write-options.ts'

const SUCCESS: KubeObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }

/** Attempts at a pod or a budget that others keep changing. */
const MAX_ATTEMPTS = 20

interface EvictionRun {
  readonly context: RequestContext
  readonly name: string
  readonly options: DeleteRequestOptions
}

/**
 * Evicts a pod as far as its disruption budgets allow.
 *
 * @see kubernetes pkg/registry/core/pod/storage/eviction.go
 */
export function podEviction(registry: Registry, clock: Clock): VirtualHandlers {
  const evictions = new Evictions(registry, clock)
  return {
    acceptedVersions: ['policy/v1beta1'],
    async create(call, { name, body, dryRun, validate }) {
      const eviction = body as unknown as Eviction
      if (name !== (eviction.metadata.name ?? ''))
        throw badRequest('name in URL does not match name in Eviction object')
      const given = (eviction.deleteOptions ?? {}) as JsonObject
      refuseUnsafeDelete(given, name)
      const options = deleteOptionsOf(dryRun && !given['dryRun'] ? { ...given, dryRun: ['All'] } : given)
      await validate()
      await evictions.evict({ context: call.context({ dryRun: options.dryRun }), name, options })
      return SUCCESS
    },
  }
}

function refuseUnsafeDelete(options: JsonObject, name: string): void {
  if (!options['ignoreStoreReadErrorWithClusterBreakingPotential']) return
  const path = FieldPath.of('deleteOptions', 'ignoreStoreReadErrorWithClusterBreakingPotential')
  const error = invalid(path, true, 'can not be set for pod eviction, try after removing the option')
  throw invalidObject({ group: 'policy', kind: 'Eviction' }, name, [error])
}

class Evictions {
  readonly #registry: Registry
  readonly #clock: Clock

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry
    this.#clock = clock
  }

  async evict(run: EvictionRun): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const pod = await this.#pod(run)
      if (!canIgnoreDisruptionBudgets(pod)) return await this.#evictProtected(run, pod)
      try {
        const asSeen = shouldEnforceResourceVersion(pod) && run.options.preconditions?.resourceVersion === undefined
        return await this.#delete(run, asSeen ? pod.metadata.resourceVersion : undefined)
      } catch (error) {
        // The pod has changed since: look at it anew, unless the client itself asked for one version of it.
        const mayRetry = isConflict(error) && run.options.preconditions?.resourceVersion === undefined
        if (!mayRetry || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  async #pod({ context, name }: EvictionRun): Promise<Pod> {
    return (await this.#registry.backing('', 'pods')!.store.get(context, name)).object as unknown as Pod
  }

  async #evictProtected(run: EvictionRun, pod: Pod): Promise<void> {
    const budgets = await this.#budgetsOf(pod)
    if (budgets.length > 1) throw tooManyBudgets()
    const budget = budgets[0]
    if (!budget) return await this.#delete(run, undefined)
    if (!unhealthyPodMayGo(pod, budget)) {
      await this.#takeDisruption(run, pod, budget.metadata.name!)
      return await this.#delete(run, undefined)
    }
    try {
      await this.#delete(run, pod.metadata.resourceVersion)
    } catch (error) {
      if (isConflict(error) && run.options.preconditions?.resourceVersion === undefined) {
        throw budgetStillProcessing(budget.metadata.name!)
      }
      throw error
    }
  }

  async #budgetsOf(pod: Pod): Promise<PodDisruptionBudget[]> {
    const { cache, identity } = this.#registry.backing('policy', 'poddisruptionbudgets')!
    const { entries } = await cache.list({ prefix: `${identity.keyPrefix}${pod.metadata.namespace}/` })
    return entries
      .map((e) => e.object as unknown as PodDisruptionBudget)
      .filter((b) => labelSelectorAsSelector(b.spec?.selector).matches(pod.metadata.labels))
  }

  async #takeDisruption({ context }: EvictionRun, pod: Pod, name: string): Promise<void> {
    const { store, identity } = this.#registry.backing('policy', 'poddisruptionbudgets')!
    try {
      await store.update(context, name, {
        strategy: { validateUpdate: () => [] },
        updatedObject: (existing) => {
          if (!existing) throw notFound(identity, name)
          const budget = existing as unknown as PodDisruptionBudget
          return takeDisruption(budget, pod.metadata.name!, this.#clock) as unknown as KubeObject
        },
      })
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'ServerTimeout') {
        throw timeoutError(`couldn't update PodDisruptionBudget "${name}" due to conflicts`, 10)
      }
      throw error
    }
  }

  /** Marks the pod as evicted and deletes it; `resourceVersion`: only if it is still as it was. */
  async #delete({ context, name, options }: EvictionRun, resourceVersion: string | undefined): Promise<void> {
    const { store, identity } = this.#registry.backing('', 'pods')!
    const given = options.preconditions ?? {}
    const preconditions = resourceVersion === undefined ? given : { ...given, resourceVersion }
    if (context.dryRun) {
      await store.delete(context, name, { ...options, preconditions })
      return
    }
    const { stored } = await store.update(context, name, {
      strategy: { validateUpdate: () => [] },
      updatedObject: (existing) => {
        if (!existing) throw notFound(identity, name)
        return markEvicted(existing as unknown as Pod, preconditions, this.#clock) as unknown as KubeObject
      },
    })
    const after =
      preconditions.resourceVersion === undefined
        ? preconditions
        : { ...preconditions, resourceVersion: stored.object.metadata.resourceVersion! }
    await store.delete(context, name, { ...options, preconditions: after })
  }
}
