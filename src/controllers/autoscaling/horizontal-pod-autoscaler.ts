import { isConflict } from '../../apimachinery/api-error.ts'
import { formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { parseLabelSelector } from '../../apimachinery/label-selector.ts'
import { parseQuantity } from '../../apimachinery/quantity.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Scale } from '../../apimachinery/types/autoscaling-v1.ts'
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  MetricStatus,
} from '../../apimachinery/types/autoscaling-v2.ts'
import { withCondition } from '../cluster/conditions.ts'
import type { ObjectKey, ResourceRef, Typed } from '../runtime/client.ts'
import type { Controller, ReconcileContext } from '../runtime/controller.ts'
import { keyText } from '../runtime/object-key.ts'
import { HORIZONTAL_POD_AUTOSCALERS, PODS } from '../runtime/resources.ts'
import { MetricFailure, type MetricProposal, proposalOf } from './metric-proposal.ts'
import { limited, remember, type ScalingHistory, type Wish } from './scaling-limits.ts'

type Autoscaler = Typed<HorizontalPodAutoscaler>

/** Upstream's `--horizontal-pod-autoscaler-sync-period` and `-tolerance`. */
const SYNC_MS = 15_000
const TOLERANCE = 0.1
const MAX_TRIES = 5

/**
 * Scales workloads by what their pods use.
 *
 * Differs from kube-controller-manager: a new autoscaler is looked at once, not after the first period.
 *
 * @see kubernetes pkg/controller/podautoscaler/horizontal.go
 */
export function horizontalPodAutoscaler(): Controller<Autoscaler> {
  const histories = new Map<string, ScalingHistory>()
  return {
    name: 'horizontal-pod-autoscaler-controller',
    queueName: 'horizontalpodautoscaler',
    serviceAccount: 'horizontal-pod-autoscaler',
    eventSource: 'horizontal-pod-autoscaler',
    for: HORIZONTAL_POD_AUTOSCALERS,
    isRelevant: (now, old) => !old || !semanticEqual(now.spec, old.spec),
    reads: [PODS],
    async reconcile(key, context) {
      const autoscaler = context.cache.get(HORIZONTAL_POD_AUTOSCALERS, key)
      if (!autoscaler) {
        histories.delete(keyText(key))
        return undefined
      }
      const history = histories.get(keyText(key)) ?? { recommendations: [], ups: [], downs: [] }
      histories.set(keyText(key), history)
      await new Sync(autoscaler, history, context).run()
      return { requeueAfterMs: SYNC_MS }
    },
  }
}

/** One look at an autoscaler. */
class Sync {
  readonly #autoscaler: Autoscaler
  readonly #history: ScalingHistory
  readonly #context: ReconcileContext
  readonly #nowMs: number
  #conditions: readonly HorizontalPodAutoscalerCondition[]

  constructor(autoscaler: Autoscaler, history: ScalingHistory, context: ReconcileContext) {
    this.#autoscaler = autoscaler
    this.#history = history
    this.#context = context
    this.#nowMs = context.clock.now()
    this.#conditions = autoscaler.status?.conditions ?? []
  }

  async run(): Promise<void> {
    const { scaleTargetRef, maxReplicas, minReplicas: min = 1, behavior } = this.#autoscaler.spec!
    const { namespace = '' } = this.#autoscaler.metadata
    const key = { namespace, name: scaleTargetRef.name }
    let target: ResourceRef
    let scale: Scale
    try {
      target = await this.#resourceOf(scaleTargetRef)
      scale = (await this.#context.client.getSubresource(target, key, 'scale')) as unknown as Scale
    } catch (error) {
      const { message } = error as Error
      this.#context.events.record(this.#autoscaler, 'Warning', 'FailedGetScale', message)
      const what = `the HPA controller was unable to get the target's current scale: ${message}`
      this.#condition('AbleToScale', 'False', 'FailedGetScale', what)
      await this.#writeConditions()
      return
    }
    const able = "the HPA controller was able to get the target's current scale"
    this.#condition('AbleToScale', 'True', 'SucceededGetScale', able)
    const current = scale.spec?.replicas ?? 0
    if (this.#history.recommendations.length === 0) {
      this.#history.recommendations = [{ replicas: current, atMs: this.#nowMs }]
    }
    const wish: Wish = { current, desired: current, min, max: maxReplicas, behavior, nowMs: this.#nowMs }
    const decision = await this.#decide(wish, scale)
    if (!decision) return
    const { desired, reason, statuses } = decision
    const isRescaled = desired !== current
    if (isRescaled && !(await this.#rescale({ target, key, scale, desired, reason, statuses }))) return
    if (isRescaled) remember({ ...wish, desired }, this.#history)
    await this.#writeStatus({ current, desired, statuses, isRescaled })
  }

  /** The number of replicas that there should be; undefined where metrics do not say it. */
  async #decide(
    wish: Wish,
    scale: Scale,
  ): Promise<{ readonly desired: number; readonly reason: string; readonly statuses: MetricStatus[] } | undefined> {
    const { current, min, max } = wish
    if (current === 0) {
      const message = 'scaling is disabled since the replica count of the target is zero'
      this.#condition('ScalingActive', 'False', 'ScalingDisabled', message)
      return { desired: 0, reason: '', statuses: [] }
    }
    if (current > max)
      return { desired: max, reason: 'Current number of replicas above Spec.MaxReplicas', statuses: [] }
    if (current < min)
      return { desired: min, reason: 'Current number of replicas below Spec.MinReplicas', statuses: [] }
    const asked = await this.#askMetrics(scale, current)
    if (!asked) return undefined
    const { best, statuses } = asked
    const reason = best.replicas > current ? `${best.name} above target` : 'All metrics below target'
    const { replicas, stability, limit } = limited({ ...wish, desired: best.replicas }, this.#history)
    this.#condition('AbleToScale', 'True', stability.reason, stability.message)
    this.#condition('ScalingLimited', limit.isLimited ? 'True' : 'False', limit.reason, limit.message)
    return { desired: replicas, reason, statuses }
  }

  /** The metric that asks for most; undefined where that is not known, which the status then says. */
  async #askMetrics(
    scale: Scale,
    current: number,
  ): Promise<{ readonly best: MetricProposal; readonly statuses: MetricStatus[] } | undefined> {
    const specs = this.#autoscaler.spec?.metrics ?? []
    const statuses: MetricStatus[] = specs.map(() => ({ type: '' }))
    const failures: MetricFailure[] = []
    let best: MetricProposal | undefined
    try {
      const selector = this.#selectorOf(scale)
      for (const [index, spec] of specs.entries()) {
        try {
          const proposal = await this.#propose(spec, selector, current)
          statuses[index] = proposal.status
          if (!best || proposal.replicas > best.replicas) best = proposal
        } catch (error) {
          if (!(error instanceof MetricFailure)) throw error
          this.#context.events.record(this.#autoscaler, 'Warning', error.reason, error.message)
          failures.push(error)
        }
      }
      if (best && (failures.length === 0 || best.replicas >= current)) {
        const message = `the HPA was able to successfully calculate a replica count from ${best.name}`
        this.#condition('ScalingActive', 'True', 'ValidMetricFound', message)
        return { best, statuses }
      }
      const [first] = failures
      const message = `the HPA was unable to compute the replica count: ${first!.message}`
      this.#condition('ScalingActive', 'False', first!.reason, message)
      throw new Error(
        `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${first!.summary}`,
      )
    } catch (error) {
      const { message } = error as Error
      const desired = this.#autoscaler.status?.desiredReplicas ?? 0
      await this.#writeStatus({ current, desired, statuses, isRescaled: false })
      this.#context.events.record(this.#autoscaler, 'Warning', 'FailedComputeMetricsReplicas', message)
      return undefined
    }
  }

  async #propose(
    spec: Parameters<typeof proposalOf>[0],
    selector: string,
    currentReplicas: number,
  ): Promise<MetricProposal> {
    const { cache, client } = this.#context
    const { namespace = '' } = this.#autoscaler.metadata
    const matcher = parseLabelSelector(selector)
    const { scaleDown, scaleUp } = this.#autoscaler.spec?.behavior ?? {}
    const tolerance = (own: string | undefined): number =>
      own === undefined ? TOLERANCE : parseQuantity(own).milliValue() / 1000
    return await proposalOf(spec, {
      client,
      namespace,
      selector,
      pods: cache.list(PODS, namespace).filter((pod) => matcher.matches(pod.metadata.labels)),
      currentReplicas,
      tolerances: { down: tolerance(scaleDown?.tolerance), up: tolerance(scaleUp?.tolerance) },
      nowMs: this.#nowMs,
    })
  }

  /** Errors: the target has no selector. */
  #selectorOf(scale: Scale): string {
    const { selector } = scale.status ?? {}
    if (selector) return selector
    const message = 'selector is required'
    this.#context.events.record(this.#autoscaler, 'Warning', 'SelectorRequired', message)
    this.#condition('ScalingActive', 'False', 'InvalidSelector', "the HPA target's scale is missing a selector")
    throw new Error(message)
  }

  async #resourceOf({ apiVersion = '', kind }: CrossVersionObjectReference): Promise<ResourceRef> {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
    const found = (await this.#context.client.resources()).find((r) => r.group === group && r.kind === kind)
    if (found) return found
    throw new Error(`no matches for kind "${kind}" in group "${group}"`)
  }

  /** True once the target has the size that it should have. */
  async #rescale(step: {
    readonly target: ResourceRef
    readonly key: ObjectKey
    readonly scale: Scale
    readonly desired: number
    readonly reason: string
    readonly statuses: MetricStatus[]
  }): Promise<boolean> {
    const { target, key, desired, reason } = step
    const { client, events } = this.#context
    let { scale } = step
    for (let attempt = 1; ; attempt++) {
      try {
        const resized = { ...scale, spec: { ...scale.spec, replicas: desired } }
        await client.updateSubresource(target, 'scale', resized as unknown as KubeObject)
        const message = `the HPA controller was able to update the target scale to ${desired}`
        this.#condition('AbleToScale', 'True', 'SucceededRescale', message)
        events.record(this.#autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${reason}`)
        return true
      } catch (error) {
        if (isConflict(error) && attempt < MAX_TRIES) {
          scale = (await client.getSubresource(target, key, 'scale')) as unknown as Scale
          continue
        }
        const { message } = error as Error
        const what = `New size: ${desired}; reason: ${reason}; error: ${message}`
        events.record(this.#autoscaler, 'Warning', 'FailedRescale', what)
        const condition = `the HPA controller was unable to update the target scale: ${message}`
        this.#condition('AbleToScale', 'False', 'FailedUpdateScale', condition)
        await this.#writeStatus({
          current: step.scale.spec?.replicas ?? 0,
          desired: this.#autoscaler.status?.desiredReplicas ?? 0,
          statuses: step.statuses,
          isRescaled: false,
        })
        return false
      }
    }
  }

  #condition(type: string, status: 'True' | 'False', reason: string, message: string): void {
    const lastTransitionTime = formatTime(this.#nowMs)
    this.#conditions = withCondition(this.#conditions, { type, status, reason, message, lastTransitionTime })
  }

  async #writeConditions(): Promise<void> {
    const { status } = this.#autoscaler
    await this.#write({ ...status, desiredReplicas: status?.desiredReplicas ?? 0, conditions: [...this.#conditions] })
  }

  async #writeStatus(news: {
    readonly current: number
    readonly desired: number
    readonly statuses: MetricStatus[]
    readonly isRescaled: boolean
  }): Promise<void> {
    const { current, desired, statuses, isRescaled } = news
    const lastScaleTime = isRescaled ? formatTime(this.#nowMs) : this.#autoscaler.status?.lastScaleTime
    await this.#write({
      currentReplicas: current,
      desiredReplicas: desired,
      ...(lastScaleTime ? { lastScaleTime } : {}),
      ...(statuses.length > 0 ? { currentMetrics: statuses } : {}),
      conditions: [...this.#conditions],
    })
  }

  async #write(status: NonNullable<HorizontalPodAutoscaler['status']>): Promise<void> {
    if (semanticEqual(status, this.#autoscaler.status)) return
    const { client, events } = this.#context
    try {
      await client.updateSubresource(HORIZONTAL_POD_AUTOSCALERS, 'status', { ...this.#autoscaler, status })
    } catch (error) {
      events.record(this.#autoscaler, 'Warning', 'FailedUpdateStatus', (error as Error).message)
      throw error
    }
  }
}
