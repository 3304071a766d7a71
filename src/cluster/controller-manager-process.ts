import { readFile } from 'node:fs/promises'
import { quotaUsage } from '../admission/plugins/resource-quota/quota-usage.ts'
import { systemClock } from '../apimachinery/clock.ts'
import { certificateBlocks } from '../auth/authn/certificate-chain.ts'
import { LEGACY_ISSUER } from '../auth/authn/service-account/service-account-claims.ts'
import { loadServiceAccountKeys } from '../auth/authn/service-account/signing-keys.ts'
import { TokenIssuer } from '../auth/authn/service-account/token-issuer.ts'
import { allControllers, allLoops } from '../controllers/all-controllers.ts'
import { DELETION_GRACE_MS } from '../controllers/cluster/namespace/namespace-controller.ts'
import { ControllerManager } from '../controllers/controller-manager.ts'
import { readKubeconfig } from '../controllers/http/kubeconfig-access.ts'
import { ServiceAccountTokens } from '../controllers/http/service-account-tokens.ts'
import type { Client } from '../controllers/runtime/client.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { ComponentProcess, type ComponentProcessOptions, type RunningComponent } from './component-process.ts'
import { ControllerMetrics } from './metrics/controller-metrics.ts'
import { fileSigners, requestedCertificate, type SigningOptions } from './pki/certificate-signer.ts'

/** What `kubemu controller-manager` is told on its command line, checked and with defaults. */
export interface ControllerManagerProcessOptions extends ComponentProcessOptions {
  readonly useServiceAccountCredentials: boolean
  readonly rootCaFile: string | undefined
  /** Key that signs the tokens which Secrets ask for; undefined: they get none. */
  readonly serviceAccountKeyFile: string | undefined
  /** Whose certificate requests are signed, with what. */
  readonly signing: SigningOptions
  /** How often controllers look at everything again; undefined: as upstream. */
  readonly minResyncMs?: number | undefined
  readonly namespaceSyncMs?: number | undefined
  readonly volumeSyncMs?: number | undefined
  readonly quotaSyncMs?: number | undefined
}

/** Simulated disks come with simulated nodes (`kubemu nodes`): a manager alone does what upstream's does. */
const NO_DISKS = { simulatedProvisioners: [] }

/** Runs all controllers against a server over HTTP. Errors: the port is taken, files that cannot be read. */
export async function runControllerManager(
  options: ControllerManagerProcessOptions,
  logger: Logger,
): Promise<RunningComponent> {
  const { leaderElection, rootCaFile, serviceAccountKeyFile, minResyncMs } = options
  const signers = await fileSigners(options.signing)
  const issuer = serviceAccountKeyFile ? await tokenIssuer(serviceAccountKeyFile) : undefined
  const rootCa = rootCaFile
    ? await readRootCa(rootCaFile)
    : (await readKubeconfig(options.kubeconfig)).certificateAuthority
  const metrics = new ControllerMetrics()
  const tokens = (client: Client): ServiceAccountTokens =>
    new ServiceAccountTokens({ client, clock: options.clock ?? systemClock, logger, namespace: 'kube-system' })
  const process = await ComponentProcess.open(options, {
    userAgent: 'kube-controller-manager/v1.36.2',
    logger,
    metrics: () => metrics.metrics,
    ...(options.useServiceAccountCredentials ? { serviceAccounts: tokens } : {}),
  })
  const { client, clock, electionClient } = process
  const manager = await ControllerManager.start({
    client,
    clock,
    logger,
    metrics,
    controllers: allControllers({
      ...NO_DISKS,
      quotaUsage,
      ...(issuer ? { createToken: (account) => issuer.issueLegacy(account) } : {}),
      ...(rootCa ? { rootCa } : {}),
      readCertificateRequest: requestedCertificate,
      ...(signers.size > 0 ? { certificateSigners: signers } : {}),
      namespaceGraceMs: DELETION_GRACE_MS,
      namespaceSyncMs: options.namespaceSyncMs,
      volumeSyncMs: options.volumeSyncMs,
      quotaSyncMs: options.quotaSyncMs,
    }),
    loops: allLoops(NO_DISKS),
    ...(minResyncMs === undefined ? {} : { minResyncMs }),
    ...(leaderElection ? { leaderElection: { ...leaderElection, client: electionClient } } : {}),
  })
  return process.running(() => manager.stop())
}

async function readRootCa(file: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  if (certificateBlocks(text).length > 0) return text
  throw new Error(`error parsing root-ca-file at ${file}: data does not contain any valid RSA or ECDSA certificates`)
}

async function tokenIssuer(keyFile: string): Promise<TokenIssuer> {
  const keys = loadServiceAccountKeys(await readFile(keyFile, 'utf8'), [])
  return new TokenIssuer(LEGACY_ISSUER, async () => keys)
}
