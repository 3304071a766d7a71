import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from '../../admission/admission.ts'
import type { AdmissionObserver, AdmissionPhase, WebhookOutcome } from '../../admission/admission-observer.ts'
import type { LevelVersion } from '../../admission/pod-security/policy-version.ts'
import { KUBERNETES_VERSION } from '../version.ts'
import type { Metric, Sample } from './exposition.ts'
import type { Histogram } from './histogram.ts'
import { CounterVector, HistogramVector } from './vectors.ts'

/** Upstream's buckets, in seconds. */
const PLUGIN_BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5]
const WEBHOOK_BUCKETS = [...PLUGIN_BUCKETS, 10, 25]

/** Users name webhooks: beyond so many names, they are counted as one. */
const MAX_WEBHOOKS = 1000
const OTHER_WEBHOOKS = 'other'

/** Codes above are counted as this one. */
const MAX_CODE = 600

const OPERATIONS: Readonly<Record<AdmissionOperation, number>> = { CREATE: 0, UPDATE: 1, DELETE: 2, CONNECT: 3 }

/**
 * What admission does, under upstream's names and labels.
 *
 * @see apiserver pkg/admission/metrics/metrics.go, pod-security-admission metrics/metrics.go
 */
export class AdmissionMetrics implements AdmissionObserver {
  readonly #steps = new HistogramVector(['type', 'operation', 'rejected'], PLUGIN_BUCKETS)
  readonly #controllers = new HistogramVector(['name', 'type', 'operation', 'rejected'], PLUGIN_BUCKETS)
  readonly #webhooks = new HistogramVector(['name', 'type', 'operation', 'rejected'], WEBHOOK_BUCKETS)
  readonly #rejections = new CounterVector(['name', 'type', 'operation', 'error_type', 'rejection_code'])
  readonly #failOpens = new CounterVector(['name', 'type'])
  readonly #requests = new CounterVector(['name', 'type', 'operation', 'code', 'rejected'])
  readonly #evaluations = new CounterVector([
    'decision',
    'policy_level',
    'policy_version',
    'mode',
    'request_operation',
    'resource',
    'subresource',
  ])
  readonly #exemptions = new CounterVector(['request_operation', 'resource', 'subresource'])
  readonly #errors = new CounterVector(['fatal', 'request_operation', 'resource', 'subresource'])
  readonly #byPlugin = new Map<AdmissionPlugin, (Histogram | undefined)[]>()
  readonly #webhookNames = new Set<string>()

  ran(
    plugin: AdmissionPlugin,
    phase: AdmissionPhase,
    operation: AdmissionOperation,
    rejected: boolean,
    durationMs: number,
  ): void {
    let known = this.#byPlugin.get(plugin)
    if (!known) {
      known = new Array<Histogram | undefined>(16).fill(undefined)
      this.#byPlugin.set(plugin, known)
    }
    const at = OPERATIONS[operation] * 4 + (phase === 'admit' ? 0 : 2) + (rejected ? 1 : 0)
    known[at] ??= this.#controllers.of(plugin.name, phase, operation, String(rejected))
    known[at].observe(durationMs / 1000)
  }

  stepped(phase: AdmissionPhase, operation: AdmissionOperation, rejected: boolean, durationMs: number): void {
    this.#steps.of(phase, operation, String(rejected)).observe(durationMs / 1000)
  }

  called({ webhook, type, operation, durationMs, rejection, code, failedOpen }: WebhookOutcome): void {
    const name = this.#boundedName(webhook)
    const rejected = String(rejection !== undefined)
    const codeLabel = String(Math.min(code, MAX_CODE))
    this.#webhooks.of(name, type, operation, rejected).observe(durationMs / 1000)
    this.#requests.increment(name, type, operation, codeLabel, rejected)
    if (rejection !== undefined) this.#rejections.increment(name, type, operation, rejection, codeLabel)
    if (failedOpen) this.#failOpens.increment(name, type)
  }

  evaluated(decision: string, policy: LevelVersion, mode: string, attributes: AdmissionAttributes): void {
    this.#evaluations.increment(decision, policy.level, versionLabel(policy), mode, ...requestLabels(attributes))
  }

  exempted(attributes: AdmissionAttributes): void {
    this.#exemptions.increment(...requestLabels(attributes))
  }

  failed(fatal: boolean, attributes: AdmissionAttributes): void {
    this.#errors.increment(String(fatal), ...requestLabels(attributes))
  }

  get metrics(): readonly Metric[] {
    const counter = (name: string, help: string, counts: CounterVector): Metric => ({
      name,
      help,
      type: 'counter',
      samples: () => counts.samples(),
    })
    const histogram = (name: string, help: string, samples: () => Iterable<Sample>): Metric => ({
      name: `apiserver_admission_${name}`,
      help,
      type: 'histogram',
      samples,
    })
    return [
      histogram('step_admission_duration_seconds', 'Seconds of a phase of admission.', () => this.#steps.samples()),
      {
        name: 'apiserver_admission_step_admission_duration_seconds_summary',
        help: 'Seconds of a phase of admission, summed up.',
        type: 'summary',
        samples: () => this.#steps.totals(),
      },
      histogram('controller_admission_duration_seconds', 'Seconds that an admission plugin took.', () =>
        this.#controllers.samples(),
      ),
      histogram('webhook_admission_duration_seconds', 'Seconds that an admission webhook took.', () =>
        this.#webhooks.samples(),
      ),
      counter(
        'apiserver_admission_webhook_rejection_count',
        'Requests that were refused over a webhook.',
        this.#rejections,
      ),
      counter(
        'apiserver_admission_webhook_fail_open_count',
        'Calls that failed and were passed over.',
        this.#failOpens,
      ),
      counter('apiserver_admission_webhook_request_total', 'Calls of webhooks.', this.#requests),
      counter(
        'pod_security_evaluations_total',
        'Evaluations of policies, those of ignored and exempt requests left out.',
        this.#evaluations,
      ),
      counter('pod_security_exemptions_total', 'Requests that were exempt.', this.#exemptions),
      counter('pod_security_errors_total', 'Errors that kept a policy from being evaluated normally.', this.#errors),
    ]
  }

  #boundedName(webhook: string): string {
    if (this.#webhookNames.has(webhook)) return webhook
    if (this.#webhookNames.size >= MAX_WEBHOOKS) return OTHER_WEBHOOKS
    this.#webhookNames.add(webhook)
    return webhook
  }
}

function versionLabel({ level, version }: LevelVersion): string {
  if (version === 'latest' || level === 'privileged') return 'latest'
  return version > Number(KUBERNETES_VERSION.minor) ? 'future' : `v1.${version}`
}

function requestLabels({ operation, resource, subresource }: AdmissionAttributes): [string, string, string] {
  return [operation.toLowerCase(), RESOURCE_LABELS.get(resource.resource) ?? 'controller', subresource]
}

const RESOURCE_LABELS: ReadonlyMap<string, string> = new Map([
  ['pods', 'pod'],
  ['namespaces', 'namespace'],
])
