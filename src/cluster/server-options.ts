import type { AuditOptions } from './audit-options.ts'
import type { AuthOptions } from './auth-options.ts'
import type { HttpOptions } from './control-plane.ts'
import type { EndpointReconcilerType } from './kubernetes-endpoints.ts'
import type { RuntimeConfig } from './runtime-config.ts'

/** What `kubemu apiserver` is told on its command line, checked and with defaults. */
export interface ServerOptions {
  readonly bindAddress: string
  /** `--advertise-address`: where clients in the cluster reach this server; undefined: an address of the machine. */
  readonly advertiseAddress?: string | undefined
  /** `--endpoint-reconciler-type`: how the addresses of several servers are kept; default `lease`. */
  readonly endpointReconcilerType?: EndpointReconcilerType
  /** `--apiserver-count`, for the reconciler `master-count`; default 1. */
  readonly serverCount?: number
  /** TLS port; undefined: none. */
  readonly securePort: number | undefined
  /** Plain HTTP port, for curl; undefined: none. */
  readonly insecurePort: number | undefined
  /** `--tls-cert-file`, `--tls-private-key-file`; undefined: a certificate of the cluster's own CA. */
  readonly tlsCertFile: string | undefined
  readonly tlsPrivateKeyFile: string | undefined
  /** Folder of certificates; undefined: `pki` in the data folder, or memory. */
  readonly certDir: string | undefined
  /** Further names and addresses that the server's own certificate is for. */
  readonly tlsSans: readonly string[]
  /** How the HTTP surface behaves; upstream's defaults for what is left out. */
  readonly http?: Partial<HttpOptions>
  readonly storage: StorageOptions
  readonly keyPrefix: string
  readonly auth: AuthOptions
  /** Undefined: nothing is audited. */
  readonly audit: AuditOptions | undefined
  readonly serviceClusterIpRanges: readonly string[]
  readonly serviceNodePortRange: { readonly first: number; readonly last: number }
  readonly enableAdmissionPlugins: readonly string[]
  readonly disableAdmissionPlugins: readonly string[]
  /** `--admission-control-config-file` */
  readonly admissionControlConfigFile?: string | undefined
  /** `--default-not-ready-toleration-seconds`; default 300. */
  readonly defaultNotReadyTolerationSeconds?: number | undefined
  /** `--default-unreachable-toleration-seconds`; default 300. */
  readonly defaultUnreachableTolerationSeconds?: number | undefined
  /** Services that webhooks are reached by (`namespace/name`, `namespace/name:port`) → `host:port` on this machine. */
  readonly webhookServices?: Readonly<Record<string, string>>
  readonly allowPrivileged: boolean
  readonly runtimeConfig: RuntimeConfig
  readonly featureGates: Readonly<Record<string, boolean>>
  readonly eventTtlSeconds: number
  /** `--kubelet-*`: how kubelets that run elsewhere are reached; upstream's defaults for what is left out. */
  readonly kubelet?: KubeletClientOptions
  /** kubeconfig to merge the administrator's entry into at start. */
  readonly kubeconfig: string | undefined
}

export interface KubeletClientOptions {
  readonly clientCertificateFile?: string | undefined
  readonly clientKeyFile?: string | undefined
  readonly certificateAuthorityFile?: string | undefined
  readonly preferredAddressTypes?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
}

export type StorageOptions =
  | { readonly kind: 'memory' }
  | { readonly kind: 'leveldb'; readonly dataDir: string; readonly mode: 'sync' | 'async' }
  | {
      readonly kind: 'etcd'
      readonly servers: readonly string[]
      /** Files in PEM; undefined: the system's authorities, no certificate to show. */
      readonly caFile?: string | undefined
      readonly certFile?: string | undefined
      readonly keyFile?: string | undefined
      /** 0: somebody else compacts. */
      readonly compactionIntervalMs?: number
    }
