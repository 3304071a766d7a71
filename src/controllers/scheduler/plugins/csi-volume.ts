import type { PersistentVolume, Volume } from '../../../apimachinery/types/core-v1.ts'
import type { CSINode } from '../../../apimachinery/types/storage-v1.ts'

/** A volume as its CSI driver knows it. */
export interface CsiVolume {
  readonly driver: string
  readonly handle: string
}

/** Members of a volume's source that were drivers of Kubernetes' own: the plugin's name, its CSI driver, what names it. */
const IN_TREE: readonly {
  readonly member:
    | 'awsElasticBlockStore'
    | 'gcePersistentDisk'
    | 'azureDisk'
    | 'cinder'
    | 'azureFile'
    | 'vsphereVolume'
    | 'portworxVolume'
  readonly plugin: string
  readonly driver: string
  readonly id: string
}[] = [
  { member: 'awsElasticBlockStore', plugin: 'kubernetes.io/aws-ebs', driver: 'ebs.csi.aws.com', id: 'volumeID' },
  { member: 'gcePersistentDisk', plugin: 'kubernetes.io/gce-pd', driver: 'pd.csi.storage.gke.io', id: 'pdName' },
  { member: 'azureDisk', plugin: 'kubernetes.io/azure-disk', driver: 'disk.csi.azure.com', id: 'diskURI' },
  { member: 'cinder', plugin: 'kubernetes.io/cinder', driver: 'cinder.csi.openstack.org', id: 'volumeID' },
  { member: 'azureFile', plugin: 'kubernetes.io/azure-file', driver: 'file.csi.azure.com', id: 'shareName' },
  {
    member: 'vsphereVolume',
    plugin: 'kubernetes.io/vsphere-volume',
    driver: 'csi.vsphere.vmware.com',
    id: 'volumePath',
  },
  { member: 'portworxVolume', plugin: 'kubernetes.io/portworx-volume', driver: 'pxd.portworx.com', id: 'volumeID' },
]

/** Where a node's CSINode lists the plugins that have moved to CSI there. */
const MIGRATED_PLUGINS = 'storage.alpha.kubernetes.io/migrated-plugins'
/** Moved everywhere. */
const ALWAYS_MIGRATED: ReadonlySet<string> = new Set([
  'kubernetes.io/aws-ebs',
  'kubernetes.io/gce-pd',
  'kubernetes.io/azure-disk',
  'kubernetes.io/cinder',
])

/** Whether a plugin's volumes are handled by its CSI driver on a node. @see plugins/nodevolumelimits/utils.go */
function isMigrated(plugin: string, csiNode: CSINode | undefined): boolean {
  if (!csiNode) return false
  if (ALWAYS_MIGRATED.has(plugin)) return true
  return (csiNode.metadata?.annotations?.[MIGRATED_PLUGINS] ?? '').split(',').includes(plugin)
}

/** Whether a volume is of a kind that has moved to CSI. */
export function hasInTreeSource(source: Volume): boolean {
  return IN_TREE.some(({ member }) => source[member] !== undefined)
}

/** The CSI volume that a volume of a pod, or a PersistentVolume, stands for on a node; undefined: none. */
export function csiVolumeOf(
  source: Volume | NonNullable<PersistentVolume['spec']>,
  csiNode: CSINode | undefined,
): CsiVolume | undefined {
  for (const { member, plugin, driver, id } of IN_TREE) {
    const disk = source[member] as Readonly<Record<string, unknown>> | undefined
    if (disk) return isMigrated(plugin, csiNode) ? { driver, handle: String(disk[id]) } : undefined
  }
  return undefined
}

/** The CSI driver of a class's provisioner on a node; undefined: it has none there. */
export function csiDriverOf(provisioner: string, csiNode: CSINode | undefined): string | undefined {
  const inTree = IN_TREE.find(({ plugin }) => plugin === provisioner)
  if (!inTree) return provisioner
  return isMigrated(provisioner, csiNode) ? inTree.driver : undefined
}
