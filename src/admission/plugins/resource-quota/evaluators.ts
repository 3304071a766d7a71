import type { Clock } from '../../../apimachinery/clock.ts'
import type { GroupResource } from '../../../apimachinery/group-version.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { podEvaluator } from './pod-evaluator.ts'
import { objectCountEvaluator, type QuotaEvaluator } from './quota-evaluator.ts'
import { resourceClaimEvaluator } from './resource-claim-evaluator.ts'
import { serviceEvaluator } from './service-evaluator.ts'
import { volumeClaimEvaluator } from './volume-claim-evaluator.ts'

/** Counted under a name of their own besides `count/…`, from before that existed. */
const ALIASED = ['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets'] as const

/** Not stored, or never limited. */
const IGNORED: ReadonlySet<string> = new Set([
  '/bindings',
  '/componentstatuses',
  'authentication.k8s.io/tokenreviews',
  'authentication.k8s.io/selfsubjectreviews',
  'authorization.k8s.io/subjectaccessreviews',
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/localsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
  '/events',
  'events.k8s.io/events',
])

const keyOf = ({ group, resource }: GroupResource): string => `${group}/${resource}`

/**
 * Evaluators of every resource: made for what is more than a count, by default a count.
 *
 * @see kubernetes pkg/quota/v1/evaluator/core/registry.go, pkg/quota/v1/install/registry.go
 */
export class QuotaEvaluators {
  readonly #reader: ObjectReader
  readonly #clock: Clock
  readonly #byResource = new Map<string, QuotaEvaluator>()

  constructor(reader: ObjectReader, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
    const counted = ALIASED.map((resource) => objectCountEvaluator({ group: '', resource }, resource))
    for (const evaluator of [podEvaluator(clock), serviceEvaluator, volumeClaimEvaluator, ...counted]) {
      this.#byResource.set(keyOf(evaluator), evaluator)
    }
  }

  /** Undefined where quota does not reach the resource. */
  of(resource: GroupResource): QuotaEvaluator | Promise<QuotaEvaluator> | undefined {
    const key = keyOf(resource)
    const known = this.#byResource.get(key)
    if (known) return known
    if (IGNORED.has(key)) return undefined
    if (key === 'resource.k8s.io/resourceclaims') return resourceClaimEvaluator(this.#reader, this.#clock)
    const counting = objectCountEvaluator(resource)
    this.#byResource.set(key, counting)
    return counting
  }

  /** Those that can match one of the names, which are limits of a quota; each once. */
  async matching(names: readonly string[]): Promise<QuotaEvaluator[]> {
    const claims = await resourceClaimEvaluator(this.#reader, this.#clock)
    const evaluators = new Map([...this.#byResource.values(), claims].map((e) => [keyOf(e), e]))
    for (const name of names) {
      const counted = countedResource(name)
      if (!counted || evaluators.has(keyOf(counted)) || IGNORED.has(keyOf(counted))) continue
      evaluators.set(keyOf(counted), objectCountEvaluator(counted))
    }
    return [...evaluators.values()].filter((evaluator) => evaluator.matchingResources(names).length > 0)
  }
}

/** The resource of `count/deployments.apps`; undefined for other limits. */
function countedResource(name: string): GroupResource | undefined {
  if (!name.startsWith('count/')) return undefined
  const qualified = name.slice('count/'.length)
  const dot = qualified.indexOf('.')
  return dot < 0
    ? { group: '', resource: qualified }
    : { group: qualified.slice(dot + 1), resource: qualified.slice(0, dot) }
}
