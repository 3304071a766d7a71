import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ControlLoop } from '../runtime/control-loop.ts'
import type { Controller } from '../runtime/controller.ts'
import { approvingController } from './certificates/approving-controller.ts'
import type { CertificateSigner, ReadCertificateRequest } from './certificates/certificate-signer.ts'
import { certificateCleaner } from './certificates/cleaner-controller.ts'
import { signingController } from './certificates/signing-controller.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'
import { disruptionController } from './disruption/disruption-controller.ts'
import { staleDisruptionController } from './disruption/stale-disruption.ts'
import { endpointSliceController } from './endpoints/endpoint-slice-controller.ts'
import { endpointsController } from './endpoints/endpoints-controller.ts'
import { endpointSliceMirroringController } from './endpoints/slice-mirroring-controller.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { namespaceController } from './namespace/namespace-controller.ts'
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle-controller.ts'
import { podGcController } from './pod-gc.ts'
import { type QuotaUsage, resourceQuotaController } from './resource-quota.ts'
import { rootCaPublisher } from './root-ca-publisher.ts'
import { serviceAccountController } from './service-account-controller.ts'
import { legacyTokenCleaner } from './service-accounts/legacy-token-cleaner.ts'
import { type CreateToken, serviceAccountTokenController } from './service-accounts/token-controller.ts'
import { taintEvictionController } from './taint-eviction.ts'
import { ttlAfterFinishedController } from './ttl-after-finished.ts'
import { claimBinder } from './volumes/claim-controller.ts'
import { ephemeralVolumeController } from './volumes/ephemeral-controller.ts'
import { claimProtectionController, volumeProtectionController } from './volumes/protection.ts'
import { defaultStorageClass, simulatedDisks } from './volumes/simulated-provisioner.ts'
import { volumeBinder } from './volumes/volume-controller.ts'

export interface ClusterControllersOptions {
  /** Certificates that the API server is verified with, in PEM; undefined: nothing is published. */
  readonly rootCa?: string
  /** Makes tokens for Secrets that ask for one; undefined: they stay empty. */
  readonly createToken?: CreateToken
  /** Counts what a quota limits, as admission does; undefined: the status of quotas is left alone. */
  readonly quotaUsage?: QuotaUsage
  /** Reads certificate requests; undefined: none are approved or signed here. */
  readonly readCertificateRequest?: ReadCertificateRequest
  /** Sign certificate requests, by the names of the built-in signers; default: nobody does. */
  readonly certificateSigners?: ReadonlyMap<string, CertificateSigner>
  /**
   * Provisioners whose volumes are simulated; default: that of the default storage class, which is made, and those of local
   * clusters. Where there are none, no class is made.
   */
  readonly simulatedProvisioners?: readonly string[]
  /** How long a namespace that goes is left alone; default: not at all, for clusters of one API server. */
  readonly namespaceGraceMs?: number
  /** How often namespaces are looked at without a change; default 5 minutes, as upstream (`--namespace-sync-period`). */
  readonly namespaceSyncMs?: number | undefined
  /** The same for volumes and claims; default 15 seconds (`--pvclaimbinder-sync-period`). */
  readonly volumeSyncMs?: number | undefined
  /** The same for quotas; default 5 minutes (`--resource-quota-sync-period`). */
  readonly quotaSyncMs?: number | undefined
}

function syncedEvery<T extends KubeObject>(controller: Controller<T>, resyncMs: number | undefined): Controller<T> {
  return resyncMs === undefined ? controller : { ...controller, resyncMs }
}

/** Controllers of what every cluster has besides workloads. */
export function clusterControllers(options: ClusterControllersOptions = {}): readonly Controller[] {
  const { rootCa, createToken, quotaUsage, readCertificateRequest, certificateSigners } = options
  const { simulatedProvisioners, volumeSyncMs } = options
  return [
    syncedEvery(namespaceController(options.namespaceGraceMs ?? 0), options.namespaceSyncMs),
    serviceAccountController,
    ...(rootCa === undefined ? [] : [rootCaPublisher(rootCa)]),
    ...(createToken ? [serviceAccountTokenController({ createToken, rootCa })] : []),
    legacyTokenCleaner,
    clusterRoleAggregationController,
    endpointsController(),
    endpointSliceController(),
    endpointSliceMirroringController,
    disruptionController,
    staleDisruptionController,
    podGcController(),
    ttlAfterFinishedController,
    nodeLifecycleController(),
    taintEvictionController(),
    syncedEvery(claimBinder, volumeSyncMs),
    syncedEvery(volumeBinder, volumeSyncMs),
    ...simulatedDisks(simulatedProvisioners),
    ephemeralVolumeController,
    claimProtectionController,
    volumeProtectionController,
    certificateCleaner,
    ...(readCertificateRequest ? [approvingController(readCertificateRequest)] : []),
    ...(readCertificateRequest && certificateSigners
      ? [signingController(readCertificateRequest, certificateSigners)]
      : []),
    ...(quotaUsage ? [syncedEvery(resourceQuotaController(quotaUsage), options.quotaSyncMs)] : []),
  ]
}

/** Control loops that find out for themselves what to watch. */
export function clusterLoops({ simulatedProvisioners }: ClusterControllersOptions = {}): readonly ControlLoop[] {
  return simulatedProvisioners?.length === 0 ? [garbageCollector] : [garbageCollector, defaultStorageClass]
}
