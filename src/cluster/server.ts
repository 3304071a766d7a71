import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { RequestFaults } from '../api/api-server.ts'
import { openApiPath } from '../api/openapi-path.ts'
import { rootPaths } from '../api/root-paths.ts'
import { acceptUpgrades } from '../api/upgrade.ts'
import { versionPath } from '../api/version.ts'
import type { NodeConnector } from '../api/virtual/pod-connect.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import type { Node } from '../apimachinery/types/core-v1.ts'
import type { TokenIssuer } from '../auth/authn/service-account/token-issuer.ts'
import type { TokenAuthenticator } from '../auth/authn/token-authenticator.ts'
import type { Store } from '../storage/store.ts'
import { admissionOptionsOf, clusterAdmission } from './admission-composition.ts'
import { createAuditor } from './audit-composition.ts'
import { ClusterAuth } from './auth-composition.ts'
import { bootstrap } from './bootstrap/bootstrap.ts'
import { type ControlPlane, createControlPlane } from './control-plane.ts'
import { keepConfigMaps } from './kept-config-maps.ts'
import { KubeletConnector, type KubeletOptions, PREFERRED_ADDRESS_TYPES } from './kubelet-api/kubelet-connector.ts'
import { defaultAdvertiseAddress, KubernetesEndpoints } from './kubernetes-endpoints.ts'
import { openStore } from './open-store.ts'
import type { CertificateAuthority } from './pki/certificate-authority.ts'
import type { ClusterPki } from './pki/cluster-pki.ts'
import { registryObjectReader } from './registry-object-reader.ts'
import { servedResources } from './runtime-config.ts'
import type { ServerOptions } from './server-options.ts'
import { newServiceAccountKey } from './service-account-auth.ts'
import { Serving } from './serving.ts'
import { virtualHandlers } from './virtual-handlers.ts'

export interface RunningServer {
  readonly plane: ControlPlane
  /** '' where it does not listen. */
  readonly url: string
  /** Certificates that clients verify the server with, in PEM; undefined for plain HTTP. */
  readonly rootCa: string | undefined
  /** Signs the certificates of this cluster's clients; undefined where nobody can show one. */
  readonly authority: CertificateAuthority | undefined
  /** Signs tokens of service accounts. */
  readonly tokenIssuer: TokenIssuer
  /** Reaches the nodes of this process from now on, until the returned function is called. */
  connectNodes(connector: NodeConnector): () => void
  close(): Promise<void>
}

/** What a program that runs a server hands to it, where a command line only names things. */
export interface GivenParts {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Instead of the store that the options name; the server closes it. */
  readonly store?: Store
  /** Instead of a folder of certificates. */
  readonly pki?: ClusterPki
  /** Tokens that are known besides those that the options name. */
  readonly tokens?: TokenAuthenticator
  /** What goes wrong with requests on purpose. */
  readonly faults?: RequestFaults
  /** Default true. Otherwise requests come by `app.inject` or a listener of the caller's. */
  readonly listen?: boolean
}

/** Starts an API server as its options say and waits until it listens. */
export async function startServer(
  options: ServerOptions,
  logger: FastifyBaseLogger,
  given: GivenParts = {},
): Promise<RunningServer> {
  const { clock = systemClock } = given
  for (const warning of [...options.auth.warnings, ...(options.audit?.warnings ?? [])]) logger.warn(warning)
  const admission = admissionOptionsOf(options)
  const store = given.store ?? (await openStore(options.storage, clock))
  let address = ''
  // Certificates are for machines, whose clock is the real one.
  const serving = await Serving.open(options, systemClock, given.pki)
  const authority = await serving.clientAuthority()
  const clientCa = authority?.pair.certificate
  const auth = new ClusterAuth(options.auth, {
    serviceAccountKey: () => serving.pki.serviceAccountKey(newServiceAccountKey),
    clientCas: clientCa ? [clientCa] : [],
    ...(given.tokens ? { tokens: given.tokens } : {}),
  })
  const tls = await serving.tls(auth.clientCas)
  const nodes: { connectors: readonly NodeConnector[] } = { connectors: [] }
  const auditor = options.audit && createAuditor(options.audit, clock, logger)
  const plane = createControlPlane({
    store,
    sharedStore: options.storage.kind === 'etcd',
    keyPrefix: options.keyPrefix,
    clock,
    ...(options.storage.kind === 'memory' ? { maxEncodedBytes: MEMORY_ENCODED_BYTES } : {}),
    serves: servedResources(options.runtimeConfig),
    logger,
    ...(tls ? { tls } : {}),
    ...(options.http ? { http: options.http } : {}),
    ...(given.faults ? { faults: given.faults } : {}),
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
        ...virtualHandlers(parts.registry, parts.clock, nodes, parts.components.look),
        ...auth.virtualHandlers(parts),
      ]),
    paths: (_parts, catalog) => [auth.discovery(() => address), versionPath, openApiPath(catalog), rootPaths(catalog)],
  })
  acceptUpgrades(plane.app)
  const objects = registryObjectReader(plane.registry)
  const kubelets = new KubeletConnector(await kubeletOptions(options, serving), async (name) => {
    return (await objects.read('nodes', '', name)) as unknown as Node | undefined
  })
  nodes.connectors = [kubelets]
  await bootstrap(plane, options.securePort || undefined)
  const { registry } = plane
  const kept = await keepConfigMaps({ registry, trust: () => auth.clientTrust, clock, logger })
  await auth.start(registry)
  let endpoints: KubernetesEndpoints | undefined
  if (given.listen ?? true) {
    const port = await plane.listen(options.bindAddress, options.securePort ?? options.insecurePort ?? 0)
    const unusable = (error: unknown): void => logger.error({ err: error }, 'changed certificates can not be used')
    serving.started(plane.app.server, unusable)
    auth.watchCas(systemClock, () => serving.trust(auth.clientCas), unusable)
    if (tls && options.insecurePort !== undefined) await plane.listenPlain(options.bindAddress, options.insecurePort)
    address = `${reachable(options.bindAddress)}:${port}`
    if (tls) endpoints = await keepEndpoints(options, plane, port, clock, logger)
  } else {
    await plane.ready()
  }
  const url = address && `${tls ? 'https' : 'http'}://${address}`
  if (options.kubeconfig) await serving.writeAdminKubeconfig(options.kubeconfig, url)
  return {
    plane,
    url,
    rootCa: clientCa,
    authority,
    tokenIssuer: auth.tokenIssuer,
    connectNodes: (connector) => {
      nodes.connectors = [connector, ...nodes.connectors]
      return () => {
        nodes.connectors = nodes.connectors.filter((other) => other !== connector)
      }
    },
    close: async () => {
      await endpoints?.stop()
      kept.cancel()
      serving.close()
      await plane.close()
      auth.close()
      await auditor?.close()
    },
  }
}

/** Undefined where nobody could reach this server from elsewhere. */
async function keepEndpoints(
  options: ServerOptions,
  { registry, store }: ControlPlane,
  port: number,
  clock: Clock,
  logger: FastifyBaseLogger,
): Promise<KubernetesEndpoints | undefined> {
  const address = options.advertiseAddress ?? defaultAdvertiseAddress(options.bindAddress)
  if (address === undefined) return undefined
  return await KubernetesEndpoints.start({
    registry,
    store,
    keyPrefix: options.keyPrefix,
    sharedStore: options.storage.kind === 'etcd',
    type: options.endpointReconcilerType ?? 'lease',
    serverCount: options.serverCount ?? 1,
    address,
    port,
    clock,
    logger,
  })
}

/** Kubelets see a certificate of this cluster, unless flags name another one. */
async function kubeletOptions({ kubelet = {}, securePort }: ServerOptions, { pki }: Serving): Promise<KubeletOptions> {
  const { clientCertificateFile, clientKeyFile, certificateAuthorityFile } = kubelet
  const credentials = async () => {
    if (clientCertificateFile && clientKeyFile) {
      return {
        certificate: await readFile(clientCertificateFile, 'utf8'),
        privateKey: await readFile(clientKeyFile, 'utf8'),
      }
    }
    return securePort === undefined ? undefined : await pki.client('apiserver-kubelet-client', KUBELET_CLIENT)
  }
  return {
    credentials,
    certificateAuthority: certificateAuthorityFile ? await readFile(certificateAuthorityFile, 'utf8') : undefined,
    preferredAddressTypes: kubelet.preferredAddressTypes ?? PREFERRED_ADDRESS_TYPES,
    timeoutMs: kubelet.timeoutMs ?? 5000,
  }
}

/** As kubeadm names it. */
const KUBELET_CLIENT = { user: 'kube-apiserver-kubelet-client', groups: ['system:masters'] }

/** A host for URLs: that of a listener on every address is the machine itself. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}

/** Encoded objects beside a store that holds their values already. */
const MEMORY_ENCODED_BYTES = 64 * 1024 * 1024
