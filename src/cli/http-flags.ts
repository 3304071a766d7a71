import type { Command } from 'commander'
import { Cors, corsOriginErrors } from '../api/filters/cors.ts'
import type { HttpOptions } from '../cluster/control-plane.ts'
import { durationMs } from './duration.ts'
import { wholeNumber } from './whole-number.ts'

/** Flags of the HTTP surface as commander hands them over. */
export interface HttpFlags {
  maxRequestsInflight: number
  maxMutatingRequestsInflight: number
  enablePriorityAndFairness: boolean
  requestTimeout: string
  minRequestTimeout: number
  strictTransportSecurityDirectives?: string
  shutdownDelayDuration: string
  corsAllowedOrigins?: string
  disableHttp2Serving: boolean
  enableSwaggerUi: boolean
}

/** Adds kube-apiserver's own flags of what requests may cost and how they are served. */
export function addHttpFlags<C extends Command>(command: C): C {
  return command
    .option('--max-requests-inflight <n>', 'requests at once that change nothing', wholeNumber(), 400)
    .option('--max-mutating-requests-inflight <n>', 'requests at once that change something', wholeNumber(), 200)
    .option('--enable-priority-and-fairness [bool]', 'share both limits by flow schemas and priority levels', true)
    .option('--request-timeout <duration>', 'longest time that a request may take', '1m0s')
    .option('--min-request-timeout <seconds>', 'shortest time that watches last which name none', wholeNumber(), 1800)
    .option(
      '--strict-transport-security-directives <list>',
      'directives of the HSTS header: max-age=seconds, includeSubDomains, preload',
    )
    .option('--shutdown-delay-duration <duration>', 'time between not ready and the end', '0s')
    .option('--cors-allowed-origins <patterns>', 'origins whose pages may read answers, separated by commas')
    .option('--disable-http2-serving [bool]', 'serve HTTP/1.1 only', false)
    .option('--enable-swagger-ui [bool]', 'serve a browsable API under /swagger-ui/', false)
    .option('--profiling [bool]', 'accepted for compatibility; Node.js has profilers of its own', false)
}

/** Throws an Error where the flags are wrong. */
export function httpOptionsOf(flags: HttpFlags): HttpOptions {
  const requestTimeoutMs = durationMs(flags.requestTimeout)
  if (requestTimeoutMs < 0) throw new Error('--request-timeout can not be negative value')
  const shutdownDelayMs = durationMs(flags.shutdownDelayDuration)
  if (shutdownDelayMs < 0) throw new Error('--shutdown-delay-duration can not be negative value')
  return {
    http2: !flags.disableHttp2Serving,
    requestTimeoutMs,
    minRequestTimeoutMs: flags.minRequestTimeout * 1000,
    ...hstsOf(flags.strictTransportSecurityDirectives),
    shutdownDelayMs,
    flowControl: {
      maxReadOnly: flags.maxRequestsInflight,
      maxMutating: flags.maxMutatingRequestsInflight,
      priorities: flags.enablePriorityAndFairness,
      maxWaitMs: Math.min(requestTimeoutMs / 4, MAX_QUEUE_WAIT_MS),
    },
    cors: corsOf(flags.corsAllowedOrigins),
    swaggerUi: flags.enableSwaggerUi,
  }
}

/** Upstream's bound on what `--request-timeout` leaves for waiting. */
const MAX_QUEUE_WAIT_MS = 60_000
function corsOf(text: string | undefined): Cors | undefined {
  if (text === undefined || text === '') return undefined
  const patterns = text.split(',')
  const errors = corsOriginErrors(patterns)
  if (errors.length > 0) throw new Error(errors.join(', '))
  return new Cors(patterns)
}

/** @see apiserver pkg/server/options/server_run_options.go validateHSTSDirectives, pkg/endpoints/filters/hsts.go */
function hstsOf(text: string | undefined): { readonly strictTransportSecurity?: string } {
  if (text === undefined || text === '') return {}
  const directives = text.split(',')
  if (directives.some((d) => !/^(includeSubDomains|preload|max-age=[0-9]+)$/.test(d))) {
    throw new Error(
      '--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information',
    )
  }
  return { strictTransportSecurity: directives.join('; ') }
}
