import type { Pod, Volume, VolumeProjection } from '../../../apimachinery/types/core-v1.ts'
import { allContainers } from '../../../registry/core/pod/pod-containers.ts'
import { podSecretNames } from '../service-account/pod-secret-names.ts'

/** Volumes that need nothing of the API. */
const SELF_CONTAINED = [
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const satisfies readonly (keyof Volume)[]

/** Volumes that need something, and what: looked for in this order. */
const REFERRING = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
] as const satisfies readonly (readonly [keyof Volume, string])[]

const PROJECTIONS = [
  ['configMap', 'configmaps (via projected volumes)'],
  ['secret', 'secrets (via projected volumes)'],
  ['serviceAccountToken', 'serviceaccounts (via projected volumes)'],
  ['clusterTrustBundle', 'clustertrustbundles'],
  ['podCertificate', 'podcertificates'],
] as const satisfies readonly (readonly [keyof VolumeProjection, string])[]

/**
 * What kind of API object a pod refers to: the first that is found; undefined where it refers to none.
 *
 * @see kubernetes pkg/api/pod/util.go HasAPIObjectReference
 */
export function apiObjectReference(pod: Pod): string | undefined {
  const { spec } = pod
  if (!spec) return undefined
  if (spec.serviceAccountName) return 'serviceaccounts'
  if (podSecretNames(pod).length > 0) return 'secrets'
  if (refersToConfigMap(pod)) return 'configmaps'
  if (spec.resourceClaims?.length) return 'resourceclaims'
  for (const volume of spec.volumes ?? []) {
    const reference = volumeReference(volume)
    if (reference) return reference
  }
  return undefined
}

function refersToConfigMap({ spec }: Pod): boolean {
  for (const { envFrom = [], env = [] } of allContainers(spec!)) {
    if (envFrom.some((e) => e.configMapRef?.name) || env.some((e) => e.valueFrom?.configMapKeyRef?.name)) return true
  }
  return (spec!.volumes ?? []).some(
    ({ projected, configMap }) => projected?.sources?.some((s) => s.configMap?.name) || configMap?.name,
  )
}

function volumeReference(volume: Volume): string | undefined {
  if (SELF_CONTAINED.some((source) => volume[source])) return undefined
  const referring = REFERRING.find(([source]) => volume[source])
  if (referring) return referring[1]
  for (const projection of volume.projected?.sources ?? []) {
    const found = PROJECTIONS.find(([source]) => projection[source])
    if (found) return found[1]
  }
  return undefined
}
