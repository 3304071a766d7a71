import { DEFAULT_ISSUER } from './auth-options.ts'
import type { ServerOptions } from './server-options.ts'

/** What the API server of a cluster that a program starts is to be like. */
export interface LibraryServerOptions {
  /** Listen on a port; default true. Otherwise there are `app.inject()`, supertest and `client`. */
  readonly listen?: boolean
  /** Default: a free one. */
  readonly port?: number
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string
  /** HTTPS with a certificate of the cluster's own CA; default: where it listens. */
  readonly tls?: boolean
  /** Folder that the objects are kept in, in LevelDB; default: memory. */
  readonly dataDir?: string
  /** `--authorization-mode`; default Node and RBAC. */
  readonly authorizationModes?: readonly ('AlwaysAllow' | 'AlwaysDeny' | 'Node' | 'RBAC')[]
  /** Let requests without a credential in as `system:anonymous`; default true, as upstream. */
  readonly anonymousAuth?: boolean
  /** `--enable-admission-plugins`, `--disable-admission-plugins` */
  readonly admissionPlugins?: { readonly enable?: readonly string[]; readonly disable?: readonly string[] }
  /** `--runtime-config`: `{ 'resource.k8s.io/v1beta2': true }` */
  readonly runtimeConfig?: Readonly<Record<string, boolean>>
  /** `--feature-gates` */
  readonly featureGates?: Readonly<Record<string, boolean>>
  /** `--service-cluster-ip-range`; default 10.96.0.0/12. */
  readonly serviceClusterIpRanges?: readonly string[]
}

export function serverOptionsOf(options: LibraryServerOptions): ServerOptions {
  const { listen = true, tls = listen, port = 0, dataDir, admissionPlugins = {} } = options
  return {
    bindAddress: options.host ?? '127.0.0.1',
    securePort: tls ? port : undefined,
    insecurePort: tls ? undefined : port,
    tlsCertFile: undefined,
    tlsPrivateKeyFile: undefined,
    certDir: undefined,
    tlsSans: [],
    storage: dataDir ? { kind: 'leveldb', dataDir, mode: 'sync' } : { kind: 'memory' },
    keyPrefix: '/registry',
    auth: {
      authorizationModes: options.authorizationModes ?? ['Node', 'RBAC'],
      anonymousAuth: options.anonymousAuth ?? true,
      bootstrapTokens: true,
      serviceAccounts: { issuers: [DEFAULT_ISSUER], keyFiles: [], extendExpiration: true },
    },
    audit: undefined,
    serviceClusterIpRanges: options.serviceClusterIpRanges ?? ['10.96.0.0/12'],
    serviceNodePortRange: { first: 30000, last: 32767 },
    enableAdmissionPlugins: admissionPlugins.enable ?? [],
    disableAdmissionPlugins: admissionPlugins.disable ?? [],
    allowPrivileged: true,
    runtimeConfig: new Map(Object.entries(options.runtimeConfig ?? {})),
    featureGates: options.featureGates ?? {},
    eventTtlSeconds: 3600,
    kubeconfig: undefined,
  }
}
