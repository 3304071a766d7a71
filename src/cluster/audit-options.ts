/** `--audit-*` */
export interface AuditOptions {
  readonly policyFile: string
  /** What whoever starts the server should know of these options. */
  readonly warnings: readonly string[]
  readonly log?: {
    readonly path: string
    readonly maxBytes: number
    readonly maxBackups: number
    readonly maxAgeMs: number
    readonly compress: boolean
    readonly format: 'json' | 'legacy'
    readonly maxEventBytes?: number | undefined
    readonly isStrict: boolean
  }
  readonly webhook?: {
    readonly configFile: string
    readonly maxBatchSize: number
    readonly maxBatchWaitMs: number
    readonly maxBuffered: number
    readonly throttle?: { readonly perSecond: number; readonly burst: number } | undefined
    readonly maxEventBytes?: number | undefined
    readonly isStrict: boolean
    /** Milliseconds before a failed delivery is tried again for the first time. */
    readonly initialBackoffMs: number
  }
}
