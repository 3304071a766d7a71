/** `--audit-*` */
export interface AuditOptions {
  readonly policyFile: string
  readonly log?: {
    readonly path: string
    readonly maxBytes: number
    readonly maxBackups: number
    readonly maxAgeMs: number
    readonly compress: boolean
  }
  readonly webhook?: {
    readonly configFile: string
    readonly maxBatchSize: number
    readonly maxBatchWaitMs: number
    readonly maxBuffered: number
  }
}
