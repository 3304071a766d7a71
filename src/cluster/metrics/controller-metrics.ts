import type { Metric, Sample } from '../../api/metrics/exposition.ts'
import { Histogram } from '../../api/metrics/histogram.ts'
import { CounterVector } from '../../api/metrics/vectors.ts'
import type { QueueMetrics, QueueState, RuntimeMetrics } from '../../controllers/runtime/runtime-metrics.ts'

/** Bounds of durations in queues, in seconds. @see client-go component-base metrics/prometheus/workqueue */
const DURATION_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]

/** One queue's counts, which outlive the queue: a manager that leads again goes on counting. */
class QueueCounts implements QueueMetrics {
  state: QueueState
  adds = 0
  retries = 0
  readonly waits = new Histogram(DURATION_BUCKETS)
  readonly works = new Histogram(DURATION_BUCKETS)

  constructor(state: QueueState) {
    this.state = state
  }

  added(): void {
    this.adds++
  }

  taken(waitedMs: number): void {
    this.waits.observe(waitedMs / 1000)
  }

  done(workedMs: number): void {
    this.works.observe(workedMs / 1000)
  }

  retried(): void {
    this.retries++
  }

  /** Seconds that keys have been worked on so far. */
  *ages(): Generator<number> {
    const now = performance.now()
    for (const began of this.state.startTimes) yield Math.max(now - began, 0) / 1000
  }
}

/** What controllers tell of themselves, under the names that kube-controller-manager has for it. */
export class ControllerMetrics implements RuntimeMetrics {
  readonly #queues: Map<string, QueueCounts> = new Map()
  readonly #leases: Map<string, boolean> = new Map()
  readonly #slowRenewals = new CounterVector(['name'])
  readonly #restarts = new CounterVector(['resource', 'how'])

  queue(name: string, state: QueueState): QueueMetrics {
    const known = this.#queues.get(name)
    if (known) {
      known.state = state
      return known
    }
    const counts = new QueueCounts(state)
    this.#queues.set(name, counts)
    return counts
  }

  informer(resource: string, what: 'relist' | 'rewatch'): void {
    this.#restarts.increment(resource, what)
  }

  leads(lease: string, isLeader: boolean): void {
    this.#leases.set(lease, isLeader)
  }

  slowRenewal(lease: string): void {
    this.#slowRenewals.increment(lease)
  }

  get metrics(): readonly Metric[] {
    const each = (value: (queue: QueueCounts) => number) => () => this.#each(value)
    return [
      {
        name: 'workqueue_adds_total',
        help: 'Keys that were added to a work queue.',
        type: 'counter',
        samples: each((queue) => queue.adds),
      },
      {
        name: 'workqueue_depth',
        help: 'Keys that wait in a work queue.',
        type: 'gauge',
        samples: each((queue) => queue.state.depth),
      },
      {
        name: 'workqueue_retries_total',
        help: 'Keys that were added to come after a while.',
        type: 'counter',
        samples: each((queue) => queue.retries),
      },
      {
        name: 'workqueue_queue_duration_seconds',
        help: 'Seconds that keys waited in a work queue.',
        type: 'histogram',
        samples: () => this.#histograms((queue) => queue.waits),
      },
      {
        name: 'workqueue_work_duration_seconds',
        help: 'Seconds that the work on a key took.',
        type: 'histogram',
        samples: () => this.#histograms((queue) => queue.works),
      },
      {
        name: 'workqueue_unfinished_work_seconds',
        help: 'Seconds that keys have been worked on that are not done yet, all together.',
        type: 'gauge',
        samples: each((queue) => [...queue.ages()].reduce((sum, age) => sum + age, 0)),
      },
      {
        name: 'workqueue_longest_running_processor_seconds',
        help: 'Seconds that the oldest key which is not done yet has been worked on.',
        type: 'gauge',
        samples: each((queue) => Math.max(0, ...queue.ages())),
      },
      {
        name: 'leader_election_master_status',
        help: 'Whether this process leads (1) or waits (0), by lease.',
        type: 'gauge',
        samples: () => [...this.#leases].map(([name, leads]) => ({ labels: { name }, value: leads ? 1 : 0 })),
      },
      {
        name: 'leader_election_slowpath_total',
        help: 'Times that the leader had to read its lease before it could renew it, by lease.',
        type: 'counter',
        samples: () => this.#slowRenewals.samples(),
      },
      {
        name: 'kubemu_informer_restarts_total',
        help: 'Times that an informer listed anew or took up its watch again.',
        type: 'counter',
        samples: () => this.#restarts.samples(),
      },
    ]
  }

  *#each(value: (queue: QueueCounts) => number): Generator<Sample> {
    for (const [name, queue] of this.#queues) yield { labels: { name }, value: value(queue) }
  }

  *#histograms(of: (queue: QueueCounts) => Histogram): Generator<Sample> {
    for (const [name, queue] of this.#queues) yield* of(queue).samples({ name })
  }
}
