import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { TransportError } from '../../apimachinery/transport-error.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'
import { AnswerError, answerObject } from '../webhook/answer-body.ts'
import { type WebhookAnswer, WebhookClient, type WebhookEndpoint } from '../webhook/webhook-client.ts'
import { endpointOfKubeconfig } from '../webhook/webhook-kubeconfig.ts'

/** `imagePolicy` of the plugin's configuration, durations resolved. */
interface ImagePolicyConfiguration {
  readonly endpoint: WebhookEndpoint
  /** How long an answer counts; 0: no longer than its request. */
  readonly allowTtlMs: number
  readonly denyTtlMs: number
  /** Wait before the first repetition; each further one waits half as long again. */
  readonly retryBackoffMs: number
  /** What an unanswered review counts as. */
  readonly defaultAllow: boolean
}

const MINUTE_MS = 60_000
const AUDIT_PREFIX = 'imagepolicywebhook.image-policy.k8s.io/'
const FAILED_OPEN_ANNOTATION = 'alpha.image-policy.k8s.io/failed-open'
const CALL_TIMEOUT_MS = 30_000
const MAX_ATTEMPTS = 5
const MAX_CACHED = 1024

/**
 * Reads the plugin's part of the admission configuration, and the kubeconfig that it names.
 *
 * @throws {Error} where it is missing or not valid
 * @see kubernetes plugin/pkg/admission/imagepolicy/config.go
 */
export function parseImagePolicyConfiguration(document: unknown): ImagePolicyConfiguration {
  if (document === undefined || document === null) throw new Error('no config specified')
  const policy = isJsonObject(document) ? document['imagePolicy'] : undefined
  const { kubeConfigFile, allowTTL, denyTTL, retryBackoff, defaultAllow } = isJsonObject(policy) ? policy : {}
  if (typeof kubeConfigFile !== 'string') throw new Error('ImagePolicyWebhook: kubeConfigFile must be set')
  return {
    endpoint: endpointOfKubeconfig(kubeConfigFile),
    retryBackoffMs: duration(retryBackoff, { unitMs: 1, minMs: 1, maxMs: 5 * MINUTE_MS, defaultMs: 500 }),
    allowTtlMs: duration(allowTTL, { ...TTL, defaultMs: 5 * MINUTE_MS }),
    denyTtlMs: duration(denyTTL, { ...TTL, defaultMs: 30_000 }),
    defaultAllow: defaultAllow === true,
  }
}

const TTL = { unitMs: 1000, minMs: 1000, maxMs: 30 * MINUTE_MS }

interface DurationRange {
  readonly unitMs: number
  readonly minMs: number
  readonly maxMs: number
  readonly defaultMs: number
}

/** -1 switches off, 0 or nothing is the default. */
function duration(value: unknown, { unitMs, minMs, maxMs, defaultMs }: DurationRange): number {
  if (value === undefined || value === null || value === 0) return defaultMs
  if (value === -1) return 0
  const ms = typeof value === 'number' ? value * unitMs : Number.NaN
  if (ms >= minMs && ms <= maxMs) return ms
  throw new Error(`valid value is between ${minMs}ms and ${maxMs}ms, got ${String(value)}`)
}

/**
 * Asks a remote service whether the images of a pod may run.
 *
 * @see kubernetes plugin/pkg/admission/imagepolicy/admission.go
 */
export function imagePolicyWebhookPlugin(configuration: ImagePolicyConfiguration, clock: Clock): AdmissionPlugin {
  const reviewer = new ImageReviewer(configuration, clock)
  return {
    name: 'ImagePolicyWebhook',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    async validate(attributes) {
      const { subresource, object } = attributes
      if (!isFor(attributes, '', 'pods') || (subresource !== '' && subresource !== 'ephemeralcontainers')) return
      const pod = object as unknown as Pod
      const status = await reviewer.review(reviewSpec(pod, attributes))
      if (status instanceof Error) {
        if (!configuration.defaultAllow) throw refused(attributes, status.message)
        attributes.addAuditAnnotation(`${AUDIT_PREFIX}failed-open`, 'true')
        pod.metadata.annotations = { ...pod.metadata.annotations, [FAILED_OPEN_ANNOTATION]: 'true' }
        return
      }
      for (const [key, value] of Object.entries(status.auditAnnotations)) {
        attributes.addAuditAnnotation(AUDIT_PREFIX + key, value)
      }
      if (!status.allowed) throw refused(attributes, denial(status.reason))
    },
  }
}

const denial = (reason: string): string =>
  reason === ''
    ? 'one or more images rejected by webhook backend'
    : `image policy webhook backend denied one or more images: ${reason}`

/** imagepolicy.k8s.io/v1alpha1 ImageReviewSpec as JSON. */
function reviewSpec({ metadata, spec }: Pod, { subresource, namespace }: AdmissionAttributes): string {
  const containers =
    subresource === ''
      ? [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      : (spec?.ephemeralContainers ?? [])
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) =>
    key.includes('.image-policy.k8s.io/'),
  )
  return JSON.stringify({
    containers: containers.map(({ image }) => (image ? { image } : {})),
    ...(annotations.length > 0
      ? { annotations: Object.fromEntries(annotations.sort(([a], [b]) => (a < b ? -1 : 1))) }
      : {}),
    namespace,
  })
}

interface ImageReviewStatus {
  readonly allowed: boolean
  readonly reason: string
  readonly auditAnnotations: Readonly<Record<string, string>>
}

/** Asks the service, and remembers what it said for as long as that counts. */
class ImageReviewer {
  readonly #configuration: ImagePolicyConfiguration
  readonly #clock: Clock
  readonly #client: WebhookClient
  /** By spec, last used last. */
  readonly #answers = new Map<string, { readonly status: ImageReviewStatus; readonly until: number }>()

  constructor(configuration: ImagePolicyConfiguration, clock: Clock) {
    this.#configuration = configuration
    this.#clock = clock
    const nowhere = { resolve: () => Promise.reject(new Error('no services here')) }
    this.#client = new WebhookClient(nowhere, clock)
  }

  /** The service's verdict, or why there is none. */
  async review(spec: string): Promise<ImageReviewStatus | Error> {
    const known = this.#answers.get(spec)
    if (known && this.#clock.now() <= known.until) return known.status
    this.#answers.delete(spec)
    try {
      const status = statusOf(answerObject(await this.#ask(spec)))
      this.#remember(spec, status)
      return status
    } catch (error) {
      if (error instanceof TransportError || error instanceof AnswerError) return error
      throw error
    }
  }

  #remember(spec: string, status: ImageReviewStatus): void {
    const { allowTtlMs, denyTtlMs } = this.#configuration
    const ttl = status.allowed ? allowTtlMs : denyTtlMs
    if (ttl === 0) return
    this.#answers.set(spec, { status, until: this.#clock.now() + ttl })
    if (this.#answers.size > MAX_CACHED) this.#answers.delete(this.#answers.keys().next().value!)
  }

  /** Repeats what may go better the next time. */
  async #ask(spec: string): Promise<WebhookAnswer> {
    const body = Buffer.from(
      `{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","metadata":{},"spec":${spec},"status":{"allowed":false}}\n`,
    )
    let waitMs = this.#configuration.retryBackoffMs
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#client
        .post(this.#configuration.endpoint, body, { timeoutMs: CALL_TIMEOUT_MS, announced: false })
        .catch((error: unknown) => {
          if (attempt < MAX_ATTEMPTS && error instanceof TransportError && /\bEOF$/.test(error.message))
            return undefined
          throw error
        })
      const again = !answer || RETRIED.has(answer.status)
      if (answer && (!again || attempt === MAX_ATTEMPTS)) return answer
      await new Promise<void>((resolve) => void this.#clock.setTimer(resolve, waitMs * (1 + Math.random() * JITTER)))
      waitMs *= BACKOFF_FACTOR
    }
  }
}

const RETRIED: ReadonlySet<number> = new Set([429, 500, 504])
const BACKOFF_FACTOR = 1.5
const JITTER = 0.2

function statusOf({ status }: JsonObject): ImageReviewStatus {
  const { allowed, reason, auditAnnotations } = isJsonObject(status) ? status : {}
  const annotations = isJsonObject(auditAnnotations) ? Object.entries(auditAnnotations) : []
  return {
    allowed: allowed === true,
    reason: typeof reason === 'string' ? reason : '',
    auditAnnotations: Object.fromEntries(
      annotations.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
  }
}
