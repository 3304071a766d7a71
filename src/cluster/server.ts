import type { FastifyBaseLogger } from 'fastify'
import { openApiPath } from '../api/openapi-path.ts'
import { rootPaths } from '../api/root-paths.ts'
import { versionPath } from '../api/version.ts'
import type { NodeConnector } from '../api/virtual/pod-connect.ts'
import { systemClock } from '../apimachinery/clock.ts'
import type { TokenIssuer } from '../auth/authn/service-account/token-issuer.ts'
import { admissionOptionsOf, clusterAdmission } from './admission-composition.ts'
import { createAuditor } from './audit-composition.ts'
import { ClusterAuth } from './auth-composition.ts'
import { bootstrap } from './bootstrap/bootstrap.ts'
import { type ControlPlane, createControlPlane } from './control-plane.ts'
import { keepConfigMaps } from './kept-config-maps.ts'
import { openStore } from './open-store.ts'
import type { CertificateAuthority } from './pki/certificate-authority.ts'
import { servedResources } from './runtime-config.ts'
import type { ServerOptions } from './server-options.ts'
import { newServiceAccountKey } from './service-account-auth.ts'
import { Serving } from './serving.ts'
import { virtualHandlers } from './virtual-handlers.ts'

export interface RunningServer {
  readonly plane: ControlPlane
  readonly url: string
  /** Certificates that clients verify the server with, in PEM; undefined for plain HTTP. */
  readonly rootCa: string | undefined
  /** Signs the certificates of this cluster's clients; undefined where nobody can show one. */
  readonly authority: CertificateAuthority | undefined
  /** Signs tokens of service accounts. */
  readonly tokenIssuer: TokenIssuer
  /** Reaches the containers of pods from now on: logs, exec, attach, port forwarding. */
  connectNodes(connector: NodeConnector): void
  close(): Promise<void>
}

/** Starts an API server as its options say and waits until it listens. */
export async function startServer(options: ServerOptions, logger: FastifyBaseLogger): Promise<RunningServer> {
  const admission = admissionOptionsOf(options)
  const store = await openStore(options.storage)
  let address = ''
  let connector: NodeConnector | undefined
  const serving = await Serving.open(options)
  const authority = await serving.clientAuthority()
  const clientCa = authority?.pair.certificate
  const auth = new ClusterAuth(options.auth, {
    serviceAccountKey: () => serving.pki.serviceAccountKey(newServiceAccountKey),
    clientCas: clientCa ? [clientCa] : [],
  })
  const tls = await serving.tls(auth.clientCas)
  const auditor = options.audit && createAuditor(options.audit, systemClock, logger)
  const plane = createControlPlane({
    store,
    sharedStore: options.storage.kind === 'etcd',
    keyPrefix: options.keyPrefix,
    ...(options.storage.kind === 'memory' ? { maxEncodedBytes: MEMORY_ENCODED_BYTES } : {}),
    serves: servedResources(options.runtimeConfig),
    logger,
    ...(tls ? { tls } : {}),
    ...(options.http ? { http: options.http } : {}),
    config: {
      allowPrivileged: options.allowPrivileged,
      serviceClusterIpRanges: options.serviceClusterIpRanges,
      serviceNodePortRange: options.serviceNodePortRange,
      eventTtlSeconds: options.eventTtlSeconds,
      featureGates: options.featureGates,
    },
    guarded: (entry) => auth.guarded(entry),
    authenticator: (parts) => auth.authenticator(parts),
    authorizer: (parts) => auth.authorizer(parts),
    impersonate: () => auth.impersonate,
    auditor,
    admission: (parts) => clusterAdmission(admission, parts, auth.authorizer(parts)),
    virtual: (parts) =>
      new Map([
        ...virtualHandlers(parts.registry, parts.clock, () => connector, parts.components.look),
        ...auth.virtualHandlers(parts),
      ]),
    paths: (_parts, catalog) => [auth.discovery(() => address), versionPath, openApiPath(catalog), rootPaths(catalog)],
  })
  await bootstrap(plane)
  const { registry } = plane
  const kept = await keepConfigMaps({ registry, trust: () => auth.clientTrust, clock: systemClock, logger })
  await auth.start(registry)
  const port = await plane.listen(options.bindAddress, options.securePort ?? options.insecurePort ?? 0)
  serving.started(plane.app)
  if (tls && options.insecurePort !== undefined) await plane.listenPlain(options.bindAddress, options.insecurePort)
  address = `${reachable(options.bindAddress)}:${port}`
  const url = `${tls ? 'https' : 'http'}://${address}`
  if (options.kubeconfig) await serving.writeAdminKubeconfig(options.kubeconfig, url)
  return {
    plane,
    url,
    rootCa: clientCa,
    authority,
    tokenIssuer: auth.tokenIssuer,
    connectNodes: (nodes) => {
      connector = nodes
    },
    close: async () => {
      kept.cancel()
      serving.close()
      await plane.close()
      auth.close()
      await auditor?.close()
    },
  }
}

/** A host for URLs: that of a listener on every address is the machine itself. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}

/** Encoded objects beside a store that holds their values already. */
const MEMORY_ENCODED_BYTES = 64 * 1024 * 1024
