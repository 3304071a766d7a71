import { notFound } from '../../../apimachinery/api-error.ts'
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../apimachinery/types/core-v1.ts'
import type { CSIDriver } from '../../../apimachinery/types/storage-v1.ts'
import type { ObjectReader } from '../../object-reader.ts'

/** CSI drivers that took over volumes of the core API (csi-translation-lib). */
const MIGRATED = [
  ['awsElasticBlockStore', 'ebs.csi.aws.com'],
  ['gcePersistentDisk', 'pd.csi.storage.gke.io'],
  ['azureDisk', 'disk.csi.azure.com'],
  ['azureFile', 'file.csi.azure.com'],
  ['cinder', 'cinder.csi.openstack.org'],
  ['vsphereVolume', 'csi.vsphere.vmware.com'],
  ['portworxVolume', 'pxd.portworx.com'],
] as const

/** Whether a pod has use for a token of an audience, and what kept the question from being answered in full. */
interface AudienceSearch {
  readonly found: boolean
  readonly errors: readonly string[]
}

/**
 * Looks for a volume of the pod that needs a token of the audience: a projected one, or one of a CSI driver that asks
 * for such tokens.
 *
 * @see kubernetes plugin/pkg/admission/noderestriction/admission.go podReferencesAudience
 */
export async function searchAudience(reader: ObjectReader, pod: Pod, audience: string): Promise<AudienceSearch> {
  const errors: string[] = []
  for (const volume of pod.spec?.volumes ?? []) {
    const tokens = (volume.projected?.sources ?? []).map((s) => s.serviceAccountToken)
    if (tokens.some((token) => token && (token.audience ?? '') === audience)) return { found: true, errors }
    try {
      const driver = await driverOf(reader, pod, volume)
      if (driver && (await driverNeeds(reader, driver, audience))) return { found: true, errors }
    } catch (error) {
      errors.push((error as Error).message)
    }
  }
  return { found: false, errors }
}

async function driverOf(reader: ObjectReader, pod: Pod, volume: Volume): Promise<string | undefined> {
  const { namespace = '', name } = pod.metadata
  if (volume.ephemeral?.volumeClaimTemplate) return await driverOfClaim(reader, namespace, `${name}-${volume.name}`)
  if (volume.persistentVolumeClaim)
    return await driverOfClaim(reader, namespace, volume.persistentVolumeClaim.claimName)
  return volume.csi?.driver ?? migratedDriver(volume)
}

async function driverOfClaim(reader: ObjectReader, namespace: string, name: string): Promise<string | undefined> {
  const claim = (await lookUp(reader, '', 'persistentvolumeclaims', namespace, name)) as PersistentVolumeClaim
  const volumeName = claim.spec?.volumeName ?? ''
  const { spec } = (await lookUp(reader, '', 'persistentvolumes', '', volumeName)) as PersistentVolume
  return spec?.csi?.driver ?? migratedDriver(spec ?? {})
}

async function driverNeeds(reader: ObjectReader, driver: string, audience: string): Promise<boolean> {
  const { spec } = (await lookUp(reader, 'storage.k8s.io', 'csidrivers', '', driver)) as CSIDriver
  return spec.tokenRequests?.some((request) => (request.audience ?? '') === audience) ?? false
}

function migratedDriver(source: object): string | undefined {
  return MIGRATED.find(([member]) => (source as Record<string, unknown>)[member] !== undefined)?.[1]
}

async function lookUp(
  reader: ObjectReader,
  group: string,
  resource: string,
  namespace: string,
  name: string,
): Promise<unknown> {
  const found = await reader.get(group, resource, namespace, name)
  // Upstream's listers speak of one object, not of the resource.
  if (!found) throw notFound({ group, resource: resource.replace(/s$/, '') }, name)
  return found
}
