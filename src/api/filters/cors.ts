import type { Call } from '../call.ts'

const METHODS = 'POST, GET, OPTIONS, PUT, DELETE, PATCH'
const HEADERS =
  'Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since'

/**
 * What is wrong with the patterns of `--cors-allowed-origins`; empty: nothing. A pattern has to hold on to the start
 * and the end of the host: `//example.com` alone would let example.com.evil.org in.
 */
export function corsOriginErrors(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    if (pattern === '') return ['empty value in --cors-allowed-origins']
    const problem = patternProblem(pattern)
    return problem ? [`--cors-allowed-origins has an invalid regular expression: ${problem}`] : []
  })
}

function patternProblem(pattern: string): string | undefined {
  try {
    new RegExp(pattern)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const pinsStart = pattern.includes('^') || pattern.includes('//')
  const pinsEnd = pattern.includes('$') || pattern.includes(':')
  if (pinsStart && pinsEnd) return undefined
  return 'regular expression does not pin to start/end of host in the origin header'
}

/**
 * Lets scripts in pages from some origins read answers.
 *
 * @see apiserver pkg/server/filters/cors.go
 */
export class Cors {
  readonly #origins: readonly RegExp[]

  /** `origins`: patterns that {@link corsOriginErrors} found right. */
  constructor(origins: readonly string[]) {
    this.#origins = origins.map((pattern) => new RegExp(pattern))
  }

  /** Sets the headers for an origin that is allowed. True: the request was a preflight and is answered. */
  apply({ request, reply }: Call): boolean {
    const { origin } = request.headers
    if (origin === undefined || origin === '' || !this.#origins.some((pattern) => pattern.test(origin))) return false
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': HEADERS,
      'access-control-expose-headers': 'Date',
      'access-control-allow-credentials': 'true',
    })
    if (request.method !== 'OPTIONS') return false
    reply.code(204).send()
    return true
  }
}
