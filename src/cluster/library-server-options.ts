import { DEFAULT_ISSUER } from './auth-options.ts'
import type { LibraryServerOptions } from './library-api.ts'
import type { ServerOptions } from './server-options.ts'

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
      warnings: [],
      authorizationModes: options.authorizationModes ?? ['Node', 'RBAC'],
      anonymousAuth: options.anonymousAuth ?? true,
      bootstrapTokens: true,
      serviceAccounts: { issuers: [DEFAULT_ISSUER], keyFiles: [], extendExpiration: true, lookup: true },
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
