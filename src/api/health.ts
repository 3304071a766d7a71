import { goQuote } from '../apimachinery/go-quote.ts'
import type { QueryParameters } from './query-parameters.ts'

/** One thing that must hold for the server to be healthy. */
export interface HealthCheck {
  readonly name: string
  /** Throws or rejects where it does not hold. */
  check(): void | Promise<void>
}

interface HealthAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

const TEXT = 'text/plain; charset=utf-8'

/**
 * Answers `/healthz`, `/livez` and `/readyz` and the single checks below them. Undefined: no such check.
 *
 * @see apiserver pkg/server/healthz/healthz.go
 */
export async function healthAnswer(
  endpoint: string,
  single: string | undefined,
  checks: readonly HealthCheck[],
  query: QueryParameters,
): Promise<HealthAnswer | undefined> {
  if (single !== undefined) return await singleAnswer(single, checks)
  const excluded = new Set(query.all('exclude'))
  const lines: string[] = []
  let failed = false
  for (const check of checks) {
    if (excluded.delete(check.name)) {
      lines.push(`[+]${check.name} excluded: ok\n`)
      continue
    }
    const error = await run(check)
    failed ||= error !== undefined
    lines.push(error === undefined ? `[+]${check.name} ok\n` : `[-]${check.name} failed: reason withheld\n`)
  }
  if (excluded.size > 0) {
    const names = [...excluded].sort().map(goQuote).join(', ')
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}\n`)
  }
  if (failed) return { status: 500, contentType: TEXT, body: `${lines.join('')}${endpoint} check failed\n` }
  const body = query.has('verbose') ? `${lines.join('')}${endpoint} check passed\n` : 'ok'
  return { status: 200, contentType: TEXT, body }
}

async function singleAnswer(name: string, checks: readonly HealthCheck[]): Promise<HealthAnswer | undefined> {
  const check = checks.find((c) => c.name === name)
  if (!check) return undefined
  const error = await run(check)
  if (error === undefined) return { status: 200, contentType: TEXT, body: 'ok' }
  return { status: 500, contentType: TEXT, body: `internal server error: ${error}\n` }
}

async function run(check: HealthCheck): Promise<string | undefined> {
  try {
    await check.check()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
