import { readFileSync } from 'node:fs'
import type { FastifyBaseLogger } from 'fastify'
import { AuditLog } from '../api/audit/audit-log.ts'
import { AuditPolicy } from '../api/audit/audit-policy.ts'
import { AuditWebhook } from '../api/audit/audit-webhook.ts'
import { Auditor, type AuditSink } from '../api/audit/auditor.ts'
import { isLongRunning } from '../api/filters/flow-control.ts'
import type { Clock } from '../apimachinery/clock.ts'
import { ReviewClient } from '../auth/webhook/review-client.ts'
import { readWebhookConfig } from '../auth/webhook/webhook-config.ts'
import type { AuditOptions } from './audit-options.ts'

/** The auditor that the options ask for. Throws where their files can't be read or understood. */
export function createAuditor(options: AuditOptions, clock: Clock, logger: FastifyBaseLogger): Auditor {
  const onError = (message: string, error: unknown): void => logger.error({ err: error }, message)
  const sinks: AuditSink[] = []
  if (options.log) sinks.push(new AuditLog({ ...options.log, clock, onError }))
  if (options.webhook) {
    const { configFile, initialBackoffMs, ...limits } = options.webhook
    const client = new ReviewClient(readWebhookConfig(configFile), clock, initialBackoffMs)
    sinks.push(new AuditWebhook({ ...limits, send: (document) => client.send(document), clock, onError }))
  }
  const policy = new AuditPolicy(readFileSync(options.policyFile, 'utf8'))
  return new Auditor({ policy, sinks, clock, isLongRunning: ({ info }) => isLongRunning(info) })
}
