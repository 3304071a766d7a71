import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from '../../apimachinery/types/autoscaling-v2.ts'

/** Upstream's default of `--horizontal-pod-autoscaler-downscale-stabilization`. */
const DOWNSCALE_WINDOW_SECONDS = 300
/** A workload grows by this factor at once, or to that number, where it has no behaviour of its own. */
const SCALE_UP_FACTOR = 2
const SCALE_UP_MINIMUM = 4

/** What an autoscaler wanted, and did, a while ago. */
export interface ScalingHistory {
  recommendations: readonly { readonly replicas: number; readonly atMs: number }[]
  ups: readonly ScaleEvent[]
  downs: readonly ScaleEvent[]
}

interface ScaleEvent {
  readonly change: number
  readonly atMs: number
}

export interface Wish {
  readonly current: number
  readonly desired: number
  readonly min: number
  readonly max: number
  readonly behavior: HorizontalPodAutoscalerBehavior | undefined
  readonly nowMs: number
}

interface Outcome {
  readonly reason: string
  readonly message: string
}

export interface Limited {
  readonly replicas: number
  /** Of the condition AbleToScale. */
  readonly stability: Outcome
  /** Of the condition ScalingLimited, with whether it is. */
  readonly limit: Outcome & { readonly isLimited: boolean }
}

const READY: Outcome = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' }
const WITHIN: Outcome = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' }
const TOO_MANY: Outcome = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
}
const TOO_FEW: Outcome = {
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
}
const TOO_FAST: Outcome = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
}
const TOO_FAST_DOWN: Outcome = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
}
const STABLE_UP: Outcome = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
}
const STABLE_DOWN: Outcome = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
}

/**
 * Brings what metrics ask for within the limits of an autoscaler, and remembers it.
 *
 * @see kubernetes pkg/controller/podautoscaler/horizontal.go normalizeDesiredReplicasWithBehaviors
 */
export function limited(wish: Wish, history: ScalingHistory): Limited {
  const stable = stabilized(wish, history)
  const { replicas, ...limit } = wish.behavior
    ? withinRates({ ...wish, desired: stable }, wish.behavior, history)
    : withinRange({ ...wish, desired: stable })
  const moved = wish.desired >= wish.current && wish.behavior ? STABLE_UP : STABLE_DOWN
  return {
    replicas,
    stability: stable === wish.desired ? READY : moved,
    limit: { reason: limit.reason, message: limit.message, isLimited: replicas !== stable },
  }
}

/** Not below what was wanted within the window, nor, with a behaviour, above it. */
function stabilized({ current, desired, behavior, nowMs }: Wish, history: ScalingHistory): number {
  const downSeconds = behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWNSCALE_WINDOW_SECONDS
  const upSeconds = behavior?.scaleUp?.stabilizationWindowSeconds ?? 0
  let up = desired
  let down = desired
  for (const { replicas, atMs } of history.recommendations) {
    if (atMs > nowMs - upSeconds * 1000) up = Math.min(up, replicas)
    if (atMs > nowMs - downSeconds * 1000) down = Math.max(down, replicas)
  }
  const oldest = nowMs - Math.max(upSeconds, downSeconds) * 1000
  const kept = history.recommendations.filter(({ atMs }) => atMs >= oldest)
  history.recommendations = [...kept, { replicas: desired, atMs: nowMs }]
  if (!behavior) return down
  return Math.min(Math.max(current, up), down)
}

function withinRange({ current, desired, min, max }: Wish): Outcome & { readonly replicas: number } {
  const fastest = Math.max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM)
  if (desired < min) return { replicas: min, ...TOO_FEW }
  if (desired <= Math.min(max, fastest)) return { replicas: desired, ...WITHIN }
  return max > fastest ? { replicas: fastest, ...TOO_FAST } : { replicas: max, ...TOO_MANY }
}

function withinRates(
  { current, desired, min, max, nowMs }: Wish,
  behavior: HorizontalPodAutoscalerBehavior,
  history: ScalingHistory,
): Outcome & { readonly replicas: number } {
  if (desired > current) {
    const fastest = Math.max(rateLimit(current, behavior.scaleUp, 1, history, nowMs), current)
    const most = Math.min(max, fastest)
    if (desired > most) return { replicas: most, ...(max > fastest ? TOO_FAST : TOO_MANY) }
  } else if (desired < current) {
    const fastest = Math.min(rateLimit(current, behavior.scaleDown, -1, history, nowMs), current)
    const least = Math.max(min, fastest)
    if (desired < least) return { replicas: least, ...(min < fastest ? TOO_FAST_DOWN : TOO_FEW) }
  }
  return { replicas: desired, ...WITHIN }
}

/** How far the policies of one direction (1: up, -1: down) let a workload go. */
function rateLimit(
  current: number,
  rules: HPAScalingRules | undefined,
  direction: 1 | -1,
  { ups, downs }: ScalingHistory,
  nowMs: number,
): number {
  const select = rules?.selectPolicy ?? 'Max'
  if (select === 'Disabled') return current
  const limits = (rules?.policies ?? []).map(({ type, value, periodSeconds }) => {
    const changed = (events: readonly ScaleEvent[]): number =>
      events.filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000).reduce((sum, { change }) => sum + change, 0)
    const began = current - changed(ups) + changed(downs)
    if (type === 'Pods') return began + direction * value
    const proposed = began * (1 + (direction * value) / 100)
    return direction === 1 ? Math.ceil(proposed) : Math.trunc(proposed)
  })
  const isFurthestUp = (select === 'Min') !== (direction === 1)
  return isFurthestUp ? Math.max(...limits) : Math.min(...limits)
}

/** Remembers that a workload has been scaled, as far as policies ask for it. */
export function remember({ current, desired, behavior, nowMs }: Wish, history: ScalingHistory): void {
  if (!behavior) return
  const rules = desired > current ? behavior.scaleUp : behavior.scaleDown
  const longest = Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }) => periodSeconds))
  const recent = (events: readonly ScaleEvent[]): readonly ScaleEvent[] =>
    events.filter(({ atMs }) => atMs >= nowMs - longest * 1000)
  const event = { change: Math.abs(desired - current), atMs: nowMs }
  if (desired > current) history.ups = [...recent(history.ups), event]
  else history.downs = [...recent(history.downs), event]
}
