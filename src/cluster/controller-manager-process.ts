import { readFile } from 'node:fs/promises'
import { quotaUsage } from '../admission/plugins/resource-quota/quota-usage.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { LEGACY_ISSUER } from '../auth/authn/service-account/service-account-claims.ts'
import { loadServiceAccountKeys } from '../auth/authn/service-account/signing-keys.ts'
import { TokenIssuer } from '../auth/authn/service-account/token-issuer.ts'
import { allControllers, allLoops } from '../controllers/all-controllers.ts'
import { ControllerManager, type ControllerManagerOptions } from '../controllers/controller-manager.ts'
import { HttpClient } from '../controllers/http/http-client.ts'
import { readKubeconfig } from '../controllers/http/kubeconfig-access.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { ComponentServer, type ComponentServing, type RunningComponent } from './component-server.ts'
import { ControllerMetrics } from './metrics/controller-metrics.ts'

/** What `kubemu controller-manager` is told on its command line, checked and with defaults. */
export interface ControllerManagerProcessOptions {
  readonly kubeconfig: string
  readonly useServiceAccountCredentials: boolean
  readonly rootCaFile: string | undefined
  /** Key that signs the tokens which Secrets ask for; undefined: they get none. */
  readonly serviceAccountKeyFile: string | undefined
  /** Undefined: works at once. */
  readonly leaderElection: ControllerManagerOptions['leaderElection']
  /** Where health and metrics are served; undefined: nowhere. */
  readonly serving: ComponentServing | undefined
  readonly clock?: Clock
}

/** Runs all controllers against a server over HTTP. Errors: the port is taken, files that cannot be read. */
export async function runControllerManager(
  options: ControllerManagerProcessOptions,
  logger: Logger,
): Promise<RunningComponent> {
  const { leaderElection, rootCaFile, serviceAccountKeyFile, clock = systemClock } = options
  const issuer = serviceAccountKeyFile ? await tokenIssuer(serviceAccountKeyFile) : undefined
  const client = HttpClient.connect({
    access: await readKubeconfig(options.kubeconfig),
    clock,
    userAgent: 'kube-controller-manager/v1.36.2',
    impersonate: options.useServiceAccountCredentials,
  })
  const metrics = new ControllerMetrics()
  const server =
    options.serving &&
    (await ComponentServer.start({ ...options.serving, client, logger, metrics: () => metrics.metrics }))
  const manager = await ControllerManager.start({
    client,
    clock,
    logger,
    metrics,
    controllers: allControllers({
      quotaUsage,
      ...(issuer ? { createToken: (account) => issuer.issueLegacy(account) } : {}),
      ...(rootCaFile ? { rootCa: await readFile(rootCaFile, 'utf8') } : {}),
    }),
    loops: allLoops(),
    ...(leaderElection ? { leaderElection } : {}),
  })
  // Timers of the controllers do not keep a process alive by themselves.
  const keepAlive = setInterval(() => {}, 2 ** 30)
  return {
    port: server?.port,
    stop: async () => {
      clearInterval(keepAlive)
      await manager.stop()
      await server?.close()
      client.close()
    },
  }
}

async function tokenIssuer(keyFile: string): Promise<TokenIssuer> {
  const keys = loadServiceAccountKeys(await readFile(keyFile, 'utf8'), [])
  return new TokenIssuer(LEGACY_ISSUER, async () => keys)
}
