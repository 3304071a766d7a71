import type { Registry as ProcessMetrics } from 'prom-client'
import { methodNotAllowed } from '../../apimachinery/api-error.ts'
import type { PathHandler } from '../api-server.ts'
import { EXPOSITION_CONTENT_TYPE, expose, type Metric } from './exposition.ts'

/** Serves `/metrics`: the server's own, and those of the process. */
export function metricsPath(metrics: () => Iterable<Metric>): PathHandler {
  return {
    matches: (path) => path === '/metrics',
    handle: async (call) => {
      const { method } = call.request
      if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed()
      const body = await exposition(metrics())
      call.reply.header('content-type', EXPOSITION_CONTENT_TYPE).send(Buffer.from(body))
    },
  }
}

let ofProcess: Promise<ProcessMetrics> | undefined

/** Prometheus' text of metrics, and of those of the process. */
export async function exposition(metrics: Iterable<Metric>): Promise<string> {
  ofProcess ??= processMetrics()
  return expose(metrics) + (await (await ofProcess).metrics())
}

/** `process_*` and `nodejs_*`. Loaded with the first question: a start must not pay for it. */
async function processMetrics(): Promise<ProcessMetrics> {
  const { default: promClient } = await import('prom-client')
  const { collectDefaultMetrics, Registry } = promClient
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
