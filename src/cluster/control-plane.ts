import type { ServerOptions as HttpsOptions } from 'node:https'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { AdmissionPlugin } from '../admission/admission.ts'
import type { AdmissionObserver } from '../admission/admission-observer.ts'
import { AdmissionChain } from '../admission/chain.ts'
import type { VirtualHandlers } from '../api/api-resource.ts'
import { ApiServer, type PathHandler, type RequestFaults } from '../api/api-server.ts'
import { swaggerUiPath } from '../api/browse/swagger-ui.ts'
import type { Cors } from '../api/filters/cors.ts'
import { DEFAULT_FLOW_CONTROL, FlowControl, type FlowControlOptions } from '../api/filters/flow-control.ts'
import type { HandlerServices } from '../api/handlers/services.ts'
import type { HealthCheck } from '../api/health.ts'
import { AdmissionMetrics } from '../api/metrics/admission-metrics.ts'
import { ApiMetrics, type ObjectCount } from '../api/metrics/api-metrics.ts'
import type { Metric } from '../api/metrics/exposition.ts'
import type { Impersonate, RequestAuditor } from '../api/pipeline.ts'
import { ResourceCatalog, type ServesResource } from '../api/resource-catalog.ts'
import { tracePath } from '../api/trace/trace-path.ts'
import { TraceReader } from '../api/trace/trace-query.ts'
import { TraceRecorder } from '../api/trace/trace-recorder.ts'
import { type Clock, every, systemClock } from '../apimachinery/clock.ts'
import type { Authenticator } from '../auth/authn/authenticator.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import { builtinEntries } from '../registry/builtin-entries.ts'
import { registryServices } from '../registry/core/service/registry-services.ts'
import type { ServiceRepair } from '../registry/core/service/service-repair.ts'
import { Registry } from '../registry/generic/registry.ts'
import type { AnyResourceEntry, RegistryConfig } from '../registry/resource.ts'
import type { Store } from '../storage/store.ts'
import { WatchCacheGroup } from '../storage/watch-cache/watch-cache-group.ts'
import { ComponentHealthChecks } from './component-health.ts'
import { followFlowControl } from './flow-control-source.ts'

/** What is made before the parts that look into the registry (authorizers, admission plugins) can be. */
export interface ControlPlaneParts {
  readonly registry: Registry
  readonly clock: Clock
  /** Makes what services hold agree with what is stored; to be run before services are written. */
  readonly serviceRepair: ServiceRepair
  /** What componentstatuses show. */
  readonly components: ComponentHealthChecks
  /** Whether a group version is served. */
  readonly serves: (group: string, version: string) => boolean
  readonly admissionObserver: AdmissionObserver
}

interface ControlPlaneOptions {
  readonly store: Store
  /** Other processes write to the store as well (etcd). */
  readonly sharedStore: boolean
  readonly keyPrefix: string
  /**
   * Bound on encoded objects in the caches. For a store that holds its values in memory anyway, so that they are not
   * there twice; unset: everything stays encoded.
   */
  readonly maxEncodedBytes?: number
  readonly config: RegistryConfig
  readonly clock?: Clock
  readonly logger: FastifyBaseLogger
  readonly tls?: HttpsOptions
  /** How the HTTP surface behaves; upstream's defaults for what is left out. */
  readonly http?: Partial<HttpOptions>
  /** Unset: what upstream serves by default. */
  readonly serves?: ServesResource
  /** What goes wrong with requests on purpose; undefined: nothing. */
  readonly faults?: RequestFaults
  /** A resource's entry as the server is to have it: with what authorization adds to its writes. */
  guarded?(entry: AnyResourceEntry): AnyResourceEntry
  authenticator(parts: ControlPlaneParts): Authenticator
  authorizer(parts: ControlPlaneParts): Authorizer
  impersonate(parts: ControlPlaneParts): Impersonate
  /** Undefined: nothing is audited. */
  readonly auditor?: RequestAuditor | undefined
  admission(parts: ControlPlaneParts): readonly AdmissionPlugin[]
  virtual(parts: ControlPlaneParts): ReadonlyMap<string, VirtualHandlers>
  paths(parts: ControlPlaneParts, catalog: ResourceCatalog): readonly PathHandler[]
}

export interface HttpOptions {
  /** HTTP/2 on TLS; on by default (`--disable-http2-serving`). */
  readonly http2: boolean
  /** `--request-timeout`; default 60 s. */
  readonly requestTimeoutMs: number
  /** `--min-request-timeout`; default half an hour. */
  readonly minRequestTimeoutMs: number
  /** `--strict-transport-security-directives`; unset: no such header. */
  readonly strictTransportSecurity?: string
  /** `--shutdown-delay-duration`; default 0. */
  readonly shutdownDelayMs: number
  readonly flowControl: FlowControlOptions
  readonly cors: Cors | undefined
  /** Serve `/swagger-ui/`. */
  readonly swaggerUi: boolean
}

const DEFAULT_HTTP: HttpOptions = {
  http2: true,
  requestTimeoutMs: 60_000,
  minRequestTimeoutMs: 1_800_000,
  shutdownDelayMs: 0,
  flowControl: DEFAULT_FLOW_CONTROL,
  cors: undefined,
  swaggerUi: false,
}

/** A running API server with everything behind it. */
export interface ControlPlane {
  readonly app: FastifyInstance
  /** What everything is kept in. */
  readonly store: Store
  readonly registry: Registry
  readonly serviceRepair: ServiceRepair
  /** To be told what runs in this process. */
  readonly components: ComponentHealthChecks
  readonly catalog: ResourceCatalog
  /** Admission and authorization, for clients in this process. */
  readonly services: HandlerServices
  /** Resolves once requests can be served. */
  ready(): Promise<void>
  /** Follows the writes of clients in this process. */
  readonly recorder: TraceRecorder
  /** Tells what was written through this server, and why. */
  readonly traces: TraceReader
  /** Serves what other parts of the process tell of themselves at `/metrics` as well. */
  exposeMetrics(metrics: readonly Metric[]): void
  /** Begins to listen; resolves with the port. */
  listen(host: string, port: number): Promise<number>
  /** Listens without TLS as well; resolves with the port. */
  listenPlain(host: string, port: number): Promise<number>
  /** Forgets all history, in the store and in the caches. */
  compact(): Promise<void>
  /** Lets requests finish, ends watches, closes the store. */
  close(): Promise<void>
}

/** Wires store, caches, registry, authentication, authorization, admission and the HTTP surface. */
export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const clock = options.clock ?? systemClock
  const { store, config, keyPrefix, logger } = options
  const caches = new WatchCacheGroup({
    store,
    prefix: `${keyPrefix}/`,
    synchronous: !options.sharedStore,
    ...(options.maxEncodedBytes === undefined ? {} : { maxEncodedBytes: options.maxEncodedBytes }),
    onWarning: (message, error) => logger.warn({ err: error }, message),
  })
  let registry: Registry | undefined
  const services = registryServices({
    config,
    store,
    keyPrefix,
    clock,
    backing: (group, resource) => registry?.backing(group, resource),
  })
  const guarded = options.guarded ?? ((entry: AnyResourceEntry) => entry)
  const entries = builtinEntries.map((e) => guarded(e.group === '' && e.resource === 'services' ? services.entry : e))
  registry = new Registry({ entries, store, caches, clock, config, keyPrefix, exclusive: !options.sharedStore })
  const admissionMetrics = new AdmissionMetrics()
  const parts: ControlPlaneParts = {
    registry,
    clock,
    serviceRepair: services.repair,
    components: new ComponentHealthChecks(store),
    serves: (group, version) => catalog.resourcesOf(group, version) !== undefined,
    admissionObserver: admissionMetrics,
  }
  const authorizer = options.authorizer(parts)
  const catalog = new ResourceCatalog({
    registry,
    clock,
    virtual: options.virtual(parts),
    ...(options.serves ? { serves: options.serves } : {}),
  })
  const http = { ...DEFAULT_HTTP, ...options.http }
  const flowControl = new FlowControl(
    http.flowControl,
    () => clock.now(),
    (group, resource) => {
      const cache = parts.registry.backing(group, resource)?.cache
      return cache && { count: cache.size, averageBytes: cache.averageSize }
    },
  )
  const metrics = new ApiMetrics({
    catalog,
    flowControl,
    admission: admissionMetrics,
    objectCounts: () => objectCounts(parts.registry),
    handshakeErrors: () => server.handshakeErrors,
  })
  const handlerServices = { admission: new AdmissionChain(options.admission(parts), admissionMetrics), authorizer }
  const recorder = new TraceRecorder({ clock })
  const traces = new TraceReader(recorder, catalog, () => clock.now())
  const server = new ApiServer({
    catalog,
    authenticator: options.authenticator(parts),
    authorizer,
    impersonate: options.impersonate(parts),
    auditor: options.auditor,
    flowControl,
    recorder,
    services: handlerServices,
    health: healthChecks(store),
    paths: [
      ...options.paths(parts, catalog),
      metrics.path,
      tracePath(recorder, traces),
      ...(http.swaggerUi ? [swaggerUiPath(catalog)] : []),
    ],
    observer: metrics.observer,
    http2: http.http2,
    requestTimeoutMs: http.requestTimeoutMs,
    minRequestTimeoutMs: http.minRequestTimeoutMs,
    ...(http.strictTransportSecurity ? { strictTransportSecurity: http.strictTransportSecurity } : {}),
    shutdownDelayMs: http.shutdownDelayMs,
    ...(http.cors ? { cors: http.cors } : {}),
    ...(options.faults ? { faults: options.faults } : {}),
    logger,
    ...(options.tls ? { tls: options.tls } : {}),
  })
  const repairs = every(clock, SERVICE_REPAIR_MS, () => {
    services.repair.run().catch((error: unknown) => logger.warn({ err: error }, 'service repair failed'))
  })
  return {
    app: server.app,
    store,
    registry,
    serviceRepair: services.repair,
    components: parts.components,
    catalog,
    services: handlerServices,
    ready: async () => {
      await followFlowControl(parts.registry, flowControl)
      await server.app.ready()
    },
    recorder,
    traces,
    exposeMetrics: (others) => metrics.add(others),
    listen: async (host, port) => {
      await followFlowControl(parts.registry, flowControl)
      return await server.listen(host, port)
    },
    listenPlain: (host, port) => server.listenPlain(host, port),
    compact: async () => {
      await store.compact(await store.currentRevision())
      caches.forgetHistory()
    },
    close: async () => {
      repairs.cancel()
      await server.close()
      caches.stop()
      await store.close()
    },
  }
}

function* objectCounts(registry: Registry): Generator<ObjectCount> {
  for (const { entry, cache } of registry.backings())
    yield { group: entry.group, resource: entry.resource, count: cache.size }
}

/** How often upstream looks whether addresses and ports agree with the services. */
const SERVICE_REPAIR_MS = 180_000

function healthChecks(store: Store): { healthz: HealthCheck[]; livez: HealthCheck[]; readyz: HealthCheck[] } {
  const ping: HealthCheck = { name: 'ping', check: () => {} }
  const log: HealthCheck = { name: 'log', check: () => {} }
  const etcd: HealthCheck = { name: 'etcd', check: async () => void (await store.currentRevision()) }
  const ready: HealthCheck = { name: 'etcd-readiness', check: etcd.check }
  return { healthz: [ping, log, etcd], livez: [ping, log, etcd], readyz: [ping, log, etcd, ready] }
}
