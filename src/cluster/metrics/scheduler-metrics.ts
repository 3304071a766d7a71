import type { Metric } from '../../api/metrics/exposition.ts'
import { Histogram } from '../../api/metrics/histogram.ts'
import { CounterVector, HistogramVector } from '../../api/metrics/vectors.ts'
import type { AttemptResult, SchedulerMetrics, SchedulerState } from '../../controllers/scheduler/scheduler-metrics.ts'

/** `count` bounds, the first `start`, each `factor` times the one before. */
function exponential(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((start * factor ** i).toPrecision(6)))
}

/** Beyond so many attempts pods are not told apart any more. */
const MAX_ATTEMPTS_LABEL = 16

/** What a scheduler tells of itself. @see kubernetes pkg/scheduler/metrics/metrics.go */
export class PlacementMetrics implements SchedulerMetrics {
  readonly #attempts = new CounterVector(['profile', 'result'])
  readonly #attemptDurations = new HistogramVector(['profile', 'result'], exponential(0.001, 2, 15))
  readonly #searches = new Histogram(exponential(0.001, 2, 15))
  readonly #attemptsPerPod = new Histogram(exponential(1, 2, 5))
  readonly #untilBound = new HistogramVector(['attempts'], exponential(0.01, 2, 20))
  readonly #victims = new Histogram(exponential(1, 2, 7))
  #preemptions = 0
  #state: SchedulerState | undefined

  started(_profile: string, state: SchedulerState): void {
    this.#state = state
  }

  attempted(profile: string, result: AttemptResult, durationMs: number): void {
    this.#attempts.increment(profile, result)
    this.#attemptDurations.of(profile, result).observe(durationMs / 1000)
  }

  searched(durationMs: number): void {
    this.#searches.observe(durationMs / 1000)
  }

  bound(attempts: number, sinceFirstAttemptMs: number): void {
    this.#attemptsPerPod.observe(attempts)
    const label = attempts >= MAX_ATTEMPTS_LABEL ? `${MAX_ATTEMPTS_LABEL - 1}+` : String(attempts)
    this.#untilBound.of(label).observe(sinceFirstAttemptMs / 1000)
  }

  preempted(victims: number): void {
    this.#preemptions++
    this.#victims.observe(victims)
  }

  get metrics(): readonly Metric[] {
    return [
      {
        name: 'scheduler_schedule_attempts_total',
        help: 'Attempts to place a pod, by how they ended.',
        type: 'counter',
        samples: () => this.#attempts.samples(),
      },
      {
        name: 'scheduler_scheduling_attempt_duration_seconds',
        help: 'Seconds from the beginning of an attempt until the pod was bound, or found not to fit.',
        type: 'histogram',
        samples: () => this.#attemptDurations.samples(),
      },
      {
        name: 'scheduler_scheduling_algorithm_duration_seconds',
        help: 'Seconds that the search for a node took.',
        type: 'histogram',
        samples: () => this.#searches.samples({}),
      },
      {
        name: 'scheduler_pod_scheduling_attempts',
        help: 'Attempts that it took to place a pod.',
        type: 'histogram',
        samples: () => this.#attemptsPerPod.samples({}),
      },
      {
        name: 'scheduler_pod_scheduling_sli_duration_seconds',
        help: 'Seconds from the first attempt to place a pod until it was bound.',
        type: 'histogram',
        samples: () => this.#untilBound.samples(),
      },
      {
        name: 'scheduler_preemption_attempts_total',
        help: 'Times that pods were to make room for another.',
        type: 'counter',
        samples: () => [{ labels: {}, value: this.#preemptions }],
      },
      {
        name: 'scheduler_preemption_victims',
        help: 'Pods that were to make room for another.',
        type: 'histogram',
        samples: () => this.#victims.samples({}),
      },
      {
        name: 'scheduler_pending_pods',
        help: 'Pods without a node, by the queue in which they wait.',
        type: 'gauge',
        samples: () => byLabel('queue', this.#state?.pendingPods() ?? {}),
      },
      {
        name: 'scheduler_cache_size',
        help: 'Nodes, pods and assumed pods that the scheduler knows of.',
        type: 'gauge',
        samples: () => {
          const { nodes = 0, pods = 0, assumedPods = 0 } = this.#state?.cacheSize() ?? {}
          return byLabel('type', { nodes, pods, assumed_pods: assumedPods })
        },
      },
    ]
  }
}

function byLabel(name: string, values: Readonly<Record<string, number>>) {
  return Object.entries(values).map(([label, value]) => ({ labels: { [name]: label }, value }))
}
