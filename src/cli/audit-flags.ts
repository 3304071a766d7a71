import { type Command, Option } from 'commander'
import type { AuditOptions } from '../cluster/audit-options.ts'
import { durationMs } from './duration.ts'

/** Flags of the audit as commander hands them over. */
export interface AuditFlags {
  auditPolicyFile?: string
  auditLogPath?: string
  auditLogFormat: string
  auditLogVersion: string
  auditLogMaxsize: string
  auditLogMaxbackup: string
  auditLogMaxage: string
  auditLogCompress: boolean
  auditLogMode: string
  auditLogBatchBufferSize: string
  auditLogBatchMaxSize: string
  auditLogBatchMaxWait: string
  auditLogBatchThrottleEnable: boolean
  auditLogBatchThrottleQps: string
  auditLogBatchThrottleBurst: string
  auditLogTruncateEnabled: boolean
  auditLogTruncateMaxBatchSize: string
  auditLogTruncateMaxEventSize: string
  auditWebhookConfigFile?: string
  auditWebhookVersion: string
  auditWebhookInitialBackoff: string
  auditWebhookBatchInitialBackoff?: string
  auditWebhookMode: string
  auditWebhookBatchBufferSize: string
  auditWebhookBatchMaxSize: string
  auditWebhookBatchMaxWait: string
  auditWebhookBatchThrottleEnable: boolean
  auditWebhookBatchThrottleQps: string
  auditWebhookBatchThrottleBurst: string
  auditWebhookTruncateEnabled: boolean
  auditWebhookTruncateMaxBatchSize: string
  auditWebhookTruncateMaxEventSize: string
}

const MEGABYTE = 1024 * 1024
const DAY_MS = 86_400_000
const MODES: readonly string[] = ['batch', 'blocking', 'blocking-strict']
const FORMATS: readonly string[] = ['legacy', 'json']
const VERSION = 'audit.k8s.io/v1'

/**
 * Adds kube-apiserver's own flags of the audit, with its defaults.
 *
 * @see apiserver pkg/server/options/audit.go
 */
export function addAuditFlags<C extends Command>(command: C): C {
  return addWebhookFlags(addLogFlags(command)).option(
    '--audit-policy-file <file>',
    'policy that says what is written about which request',
  )
}

function addLogFlags<C extends Command>(command: C): C {
  return addBatchFlags(command, 'log', { mode: 'blocking', size: '1', wait: '0s', throttle: false })
    .option('--audit-log-path <file>', 'file to write audit events to, - for standard output')
    .option('--audit-log-format <format>', 'json, or legacy: a line of text for each event', 'json')
    .option('--audit-log-version <version>', 'version of the events', VERSION)
    .option('--audit-log-maxsize <megabytes>', 'size after which a new file is begun, 0 for never', '100')
    .option('--audit-log-maxbackup <number>', 'old files to keep, 0 for all', '100')
    .option('--audit-log-maxage <days>', 'days to keep old files, 0 for good', '366')
    .option('--audit-log-compress [bool]', 'compress old files', false)
}

function addWebhookFlags<C extends Command>(command: C): C {
  return addBatchFlags(command, 'webhook', { mode: 'batch', size: '400', wait: '30s', throttle: true })
    .option('--audit-webhook-config-file <file>', 'kubeconfig of the webhook to send audit events to')
    .option('--audit-webhook-version <version>', 'version of the events', VERSION)
    .option('--audit-webhook-initial-backoff <duration>', 'time before a failed delivery is tried again', '10s')
    .addOption(new Option('--audit-webhook-batch-initial-backoff <duration>').hideHelp())
}

interface BatchDefaults {
  readonly mode: string
  readonly size: string
  readonly wait: string
  readonly throttle: boolean
}

function addBatchFlags<C extends Command>(command: C, sink: 'log' | 'webhook', defaults: BatchDefaults): C {
  return command
    .option(`--audit-${sink}-mode <mode>`, MODES.join(', '), defaults.mode)
    .option(`--audit-${sink}-batch-max-size <number>`, 'events that are sent at once', defaults.size)
    .option(`--audit-${sink}-batch-max-wait <duration>`, 'how long an event waits for others', defaults.wait)
    .option(`--audit-${sink}-batch-buffer-size <number>`, 'events that may wait', '10000')
    .option(`--audit-${sink}-batch-throttle-enable [bool]`, 'bound the batches per second', defaults.throttle)
    .option(`--audit-${sink}-batch-throttle-qps <number>`, 'batches per second', '10')
    .option(`--audit-${sink}-batch-throttle-burst <number>`, 'batches at once after a pause', '15')
    .option(`--audit-${sink}-truncate-enabled [bool]`, 'take the objects out of events that are too large', false)
    .option(`--audit-${sink}-truncate-max-batch-size <bytes>`, 'size of a batch', String(10 * MEGABYTE))
    .option(`--audit-${sink}-truncate-max-event-size <bytes>`, 'size of an event', String(100 * 1024))
}

/** Undefined where no policy is given: nothing is written then, as upstream. Throws where a flag is wrong. */
export function auditOptionsOf(flags: AuditFlags): AuditOptions | undefined {
  const { auditPolicyFile, auditLogPath, auditWebhookConfigFile } = flags
  const log = auditLogPath ? logOf(flags, auditLogPath) : undefined
  const webhook = auditWebhookConfigFile ? webhookOf(flags, auditWebhookConfigFile) : undefined
  if (!auditPolicyFile || !(log || webhook)) return undefined
  const warnings = batchWarnings(flags)
  return { policyFile: auditPolicyFile, warnings, ...(log ? { log } : {}), ...(webhook ? { webhook } : {}) }
}

/** The log's batches are its own: what arrives while the last is written makes the next. */
function batchWarnings(flags: AuditFlags): string[] {
  const isSet =
    flags.auditLogBatchMaxSize !== '1' ||
    flags.auditLogBatchMaxWait !== '0s' ||
    flags.auditLogBatchBufferSize !== '10000' ||
    flags.auditLogBatchThrottleEnable
  return isSet ? ['--audit-log-batch-* have no effect: the log is written as fast as the disk takes it'] : []
}

function logOf(flags: AuditFlags, path: string): NonNullable<AuditOptions['log']> {
  const mode = modeOf('log', flags.auditLogMode)
  if (mode === 'batch') {
    positive('invalid audit batch log buffer size', flags.auditLogBatchBufferSize)
    positive('invalid audit batch log max batch size', flags.auditLogBatchMaxSize)
    durationMs(flags.auditLogBatchMaxWait)
    if (flags.auditLogBatchThrottleEnable) {
      throttleOf('log', flags.auditLogBatchThrottleQps, flags.auditLogBatchThrottleBurst)
    }
  }
  checkVersion(flags.auditLogVersion)
  const format = flags.auditLogFormat
  if (format !== 'json' && format !== 'legacy') {
    throw new Error(`invalid audit log format ${format}, allowed formats are "${FORMATS.join(',')}"`)
  }
  const maxMegabytes = size('--audit-log-maxsize', flags.auditLogMaxsize)
  return {
    path,
    format,
    maxBytes: maxMegabytes === 0 ? Number.POSITIVE_INFINITY : maxMegabytes * MEGABYTE,
    maxBackups: size('--audit-log-maxbackup', flags.auditLogMaxbackup),
    maxAgeMs: size('--audit-log-maxage', flags.auditLogMaxage) * DAY_MS,
    compress: flags.auditLogCompress,
    isStrict: mode === 'blocking-strict',
    maxEventBytes: truncationOf('log', {
      isOn: flags.auditLogTruncateEnabled,
      batch: flags.auditLogTruncateMaxBatchSize,
      event: flags.auditLogTruncateMaxEventSize,
    }),
  }
}

function webhookOf(flags: AuditFlags, configFile: string): NonNullable<AuditOptions['webhook']> {
  const mode = modeOf('webhook', flags.auditWebhookMode)
  const isBatched = mode === 'batch'
  checkVersion(flags.auditWebhookVersion)
  const maxBuffered = positive('invalid audit batch webhook buffer size', flags.auditWebhookBatchBufferSize)
  const maxBatchSize = positive('invalid audit batch webhook max batch size', flags.auditWebhookBatchMaxSize)
  const isThrottled = isBatched && flags.auditWebhookBatchThrottleEnable
  const { auditWebhookBatchThrottleQps: qps, auditWebhookBatchThrottleBurst: burst } = flags
  return {
    configFile,
    maxBuffered,
    maxBatchSize: isBatched ? maxBatchSize : 1,
    maxBatchWaitMs: durationMs(flags.auditWebhookBatchMaxWait),
    throttle: isThrottled ? throttleOf('webhook', qps, burst) : undefined,
    isStrict: mode === 'blocking-strict',
    initialBackoffMs: durationMs(flags.auditWebhookBatchInitialBackoff ?? flags.auditWebhookInitialBackoff),
    maxEventBytes: truncationOf('webhook', {
      isOn: flags.auditWebhookTruncateEnabled,
      batch: flags.auditWebhookTruncateMaxBatchSize,
      event: flags.auditWebhookTruncateMaxEventSize,
    }),
  }
}
function modeOf(sink: string, mode: string): string {
  if (MODES.includes(mode)) return mode
  throw new Error(`invalid audit ${sink} mode ${mode}, allowed modes are "${MODES.join(',')}"`)
}

function checkVersion(version: string): void {
  if (version !== VERSION) throw new Error(`invalid group version, allowed versions are ["${VERSION}"]`)
}

function positive(what: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  throw new Error(`${what} ${text}, must be a positive number`)
}

function size(flag: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new Error(
    /^-\d+$/.test(text) ? `${flag} ${text} can't be a negative number` : `${flag}: invalid number ${text}`,
  )
}

function throttleOf(sink: string, qps: string, burst: string): { readonly perSecond: number; readonly burst: number } {
  return {
    perSecond: positive(`invalid audit batch ${sink} throttle QPS`, qps),
    burst: positive(`invalid audit batch ${sink} throttle burst`, burst),
  }
}

interface TruncateFlags {
  readonly isOn: boolean
  readonly batch: string
  readonly event: string
}

function truncationOf(sink: string, { isOn: isTruncated, batch, event }: TruncateFlags): number | undefined {
  const maxEvent = positive(`invalid audit truncate ${sink} max event size`, event)
  if (!(Number(batch) >= maxEvent)) {
    throw new Error(
      `invalid audit truncate ${sink} max batch size ${batch}, must be greater than max event size (${event})`,
    )
  }
  return isTruncated ? maxEvent : undefined
}
