import { ApiError, aggregateMessage } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { type FieldError, fieldErrorMessage, invalid, notSupported } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { isJsonObject } from '../../apimachinery/kube-object.ts'
import type { Event } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'

const LIMIT_TYPES = ['Namespace', 'Server', 'SourceAndObject', 'User'] as const

/** One limit: `burst` events at once, `qps` a second in the long run, for each key of the type. */
export interface EventLimit {
  readonly type: (typeof LIMIT_TYPES)[number]
  readonly qps: number
  readonly burst: number
  /** Keys that are remembered; the one unused for longest starts anew. Default 4096. */
  readonly cacheSize?: number
}

/** `eventratelimit.admission.k8s.io/v1alpha1` Configuration. */
interface EventRateLimitConfiguration {
  readonly limits: readonly EventLimit[]
}

const DEFAULT_CACHE_SIZE = 4096

/**
 * Reads the plugin's part of the admission configuration.
 *
 * @throws {Error} with upstream's words where it is not valid
 * @see kubernetes plugin/pkg/admission/eventratelimit/apis/eventratelimit/validation/validation.go
 */
export function parseEventRateLimitConfiguration(document: unknown): EventRateLimitConfiguration {
  const given = isJsonObject(document) ? document['limits'] : undefined
  const limits = Array.isArray(given) ? given.map((limit): unknown => limit) : []
  const path = FieldPath.of('limits')
  const errors = limits.length === 0 ? [invalid(path, null, 'must not be empty')] : []
  for (const [i, limit] of limits.entries()) errors.push(...validateLimit(limit, path.index(i)))
  if (errors.length > 0) throw new Error(aggregateMessage(errors.map(fieldErrorMessage)))
  return { limits: limits as readonly EventLimit[] }
}

function validateLimit(limit: unknown, path: FieldPath): FieldError[] {
  const { type = '', qps = 0, burst = 0, cacheSize = 0 } = isJsonObject(limit) ? limit : {}
  const errors: FieldError[] = []
  if (!LIMIT_TYPES.some((known) => known === type)) {
    errors.push(notSupported(path.child('type'), String(type), LIMIT_TYPES))
  }
  for (const [name, value] of [
    ['burst', burst],
    ['qps', qps],
  ] as const) {
    if (!isWhole(value) || value <= 0) errors.push(invalid(path.child(name), value, 'must be positive'))
  }
  if (type !== 'Server' && (!isWhole(cacheSize) || cacheSize < 0)) {
    errors.push(invalid(path.child('cacheSize'), cacheSize, 'must not be negative'))
  }
  return errors
}

const isWhole = (value: unknown): value is number => Number.isInteger(value)

/**
 * Refuses events that come faster than configured (429).
 *
 * @see kubernetes plugin/pkg/admission/eventratelimit
 */
export function eventRateLimitPlugin({ limits }: EventRateLimitConfiguration, clock: Clock): AdmissionPlugin {
  const enforcers = limits.map((limit) => new LimitEnforcer(limit, clock))
  return {
    name: 'EventRateLimit',
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    validate(attributes) {
      const { kind, dryRun } = attributes
      if (kind.kind !== 'Event' || kind.group !== '' || dryRun) return
      // Each limit is charged, whether another one has been reached or not.
      const reached = enforcers.map((enforcer) => enforcer.refusal(attributes)).filter((r) => r !== undefined)
      if (reached.length === 0) return
      const message = `Too many requests: ${aggregateMessage(reached)}`
      throw new ApiError({ code: 429, reason: 'TooManyRequests', message })
    },
  }
}

/** Tokens of one key, as of `at`. */
interface Bucket {
  tokens: number
  at: number
}

class LimitEnforcer {
  readonly #limit: EventLimit
  readonly #clock: Clock
  /** Last used last. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: EventLimit, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  /** Takes a token; what to say where there is none. */
  refusal(attributes: AdmissionAttributes): string | undefined {
    const { type, qps, burst } = this.#limit
    const key = keyOf(type, attributes)
    const bucket = this.#bucket(key)
    const now = this.#clock.now()
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * qps)
    bucket.at = now
    if (bucket.tokens < 1) return `limit reached on type ${type} for key ${key}`
    bucket.tokens--
    return undefined
  }

  #bucket(key: string): Bucket {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#limit.burst, at: this.#clock.now() }
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > (this.#limit.cacheSize || DEFAULT_CACHE_SIZE)) {
      this.#buckets.delete(this.#buckets.keys().next().value!)
    }
    return bucket
  }
}

function keyOf(type: EventLimit['type'], { namespace, user, object }: AdmissionAttributes): string {
  switch (type) {
    case 'Server':
      return ''
    case 'Namespace':
      return namespace
    case 'User':
      return user?.name ?? ''
    case 'SourceAndObject': {
      const { source, involvedObject } = (object ?? {}) as Partial<Event>
      const { kind, namespace: ofObject, name, uid, apiVersion } = involvedObject ?? {}
      return [source?.component, source?.host, kind, ofObject, name, uid, apiVersion].join('')
    }
  }
}
