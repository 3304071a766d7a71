import type { Command } from 'commander'
import type { AuditOptions } from '../cluster/audit-options.ts'
import { durationMs } from './duration.ts'

/** Flags of the audit as commander hands them over. */
export interface AuditFlags {
  auditPolicyFile?: string
  auditLogPath?: string
  auditLogMaxsize: string
  auditLogMaxbackup: string
  auditLogMaxage: string
  auditLogCompress?: boolean | string
  auditWebhookConfigFile?: string
  auditWebhookBatchMaxSize: string
  auditWebhookBatchMaxWait: string
  auditWebhookBatchBufferSize: string
}

const MEGABYTE = 1024 * 1024
const DAY_MS = 86_400_000
/** Upstream's size of a file where none is given. */
const DEFAULT_MEGABYTES = 100

/** Adds kube-apiserver's own flags of the audit. */
export function addAuditFlags(command: Command): Command {
  return command
    .option('--audit-policy-file <file>', 'policy that says what is written about which request')
    .option('--audit-log-path <file>', 'file to write audit events to, - for standard output')
    .option('--audit-log-maxsize <megabytes>', 'size after which a new file is begun', '0')
    .option('--audit-log-maxbackup <number>', 'old files to keep, 0 for all', '0')
    .option('--audit-log-maxage <days>', 'days to keep old files, 0 for good', '0')
    .option('--audit-log-compress [bool]', 'compress old files')
    .option('--audit-webhook-config-file <file>', 'kubeconfig of the webhook to send audit events to')
    .option('--audit-webhook-batch-max-size <number>', 'events that are sent at once', '400')
    .option('--audit-webhook-batch-max-wait <duration>', 'how long an event waits for others', '30s')
    .option('--audit-webhook-batch-buffer-size <number>', 'events that may wait', '10000')
}

/** Undefined where no policy is given: nothing is written then, as upstream. */
export function auditOptionsOf(flags: AuditFlags): AuditOptions | undefined {
  const { auditPolicyFile, auditLogPath, auditWebhookConfigFile } = flags
  if (!auditPolicyFile || (!auditLogPath && !auditWebhookConfigFile)) return undefined
  return {
    policyFile: auditPolicyFile,
    ...(auditLogPath
      ? {
          log: {
            path: auditLogPath,
            maxBytes: (Number(flags.auditLogMaxsize) || DEFAULT_MEGABYTES) * MEGABYTE,
            maxBackups: Number(flags.auditLogMaxbackup),
            maxAgeMs: Number(flags.auditLogMaxage) * DAY_MS,
            compress: flags.auditLogCompress === true || flags.auditLogCompress === 'true',
          },
        }
      : {}),
    ...(auditWebhookConfigFile
      ? {
          webhook: {
            configFile: auditWebhookConfigFile,
            maxBatchSize: Number(flags.auditWebhookBatchMaxSize),
            maxBatchWaitMs: durationMs(flags.auditWebhookBatchMaxWait),
            maxBuffered: Number(flags.auditWebhookBatchBufferSize),
          },
        }
      : {}),
  }
}
