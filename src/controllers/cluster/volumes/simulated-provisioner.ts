import { asApiError, isAlreadyExists, isNotFound } from '../../../apimachinery/api-error.ts'
import type { PersistentVolumeSpec } from '../../../apimachinery/types/core-v1.ts'
import type { Client } from '../../runtime/client.ts'
import type { ControlLoop } from '../../runtime/control-loop.ts'
import type { Controller, ReconcileContext } from '../../runtime/controller.ts'
import type { Logger } from '../../runtime/logger.ts'
import { keyOf, keyText } from '../../runtime/object-key.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES } from '../../runtime/resources.ts'
import {
  type Claim,
  type Class,
  classOf,
  PROVISIONED_BY,
  PROVISIONER,
  SELECTED_NODE,
  type Volume,
} from './volume-facts.ts'

/** Provisioner of the default class, whose volumes are simulated. */
const SIMULATED_PROVISIONER = 'disk.kubemu.io'

/** Whose volumes are simulated by default: those of the default class, and of what local clusters bring along. */
const SIMULATED_PROVISIONERS: readonly string[] = [
  SIMULATED_PROVISIONER,
  'k8s.io/minikube-hostpath',
  'rancher.io/local-path',
  'docker.io/hostpath',
  'hostpath.csi.k8s.io',
]

const DEFAULT_CLASS_NAME = 'standard'

/** What plays the disks behind claims: none where there are no provisioners. */
export function simulatedDisks(provisioners: readonly string[] = SIMULATED_PROVISIONERS): readonly Controller[] {
  return provisioners.length === 0 ? [] : [simulatedProvisioner(provisioners), simulatedDeleter(provisioners)]
}

/**
 * Makes volumes for claims of some provisioners' classes, as an external provisioner does: there is no disk behind them.
 * The provisioners are those whose classes it serves.
 */
function simulatedProvisioner(provisioners: readonly string[]): Controller<Claim> {
  return {
    name: 'simulated-provisioner',
    serviceAccount: 'persistent-volume-binder',
    eventSource: SIMULATED_PROVISIONER,
    for: PERSISTENT_VOLUME_CLAIMS,
    reads: [STORAGE_CLASSES, PERSISTENT_VOLUMES],
    async reconcile(key, context) {
      const claim = context.cache.get(PERSISTENT_VOLUME_CLAIMS, key)
      if (!claim || claim.spec?.volumeName || claim.metadata.deletionTimestamp) return
      const provisioner = claim.metadata.annotations?.[PROVISIONER]
      if (provisioner === undefined || !provisioners.includes(provisioner)) return
      const storageClass = classOf(claim, context.cache)
      if (storageClass) await provision(claim, storageClass, context)
    },
  }
}

async function provision(
  claim: Claim,
  storageClass: Class,
  { cache, client, events }: ReconcileContext,
): Promise<void> {
  const volume = volumeFor(claim, storageClass)
  const key = keyOf(volume)
  if (cache.get(PERSISTENT_VOLUMES, key)) return
  const claimName = keyText(keyOf(claim))
  events.record(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim "${claimName}"`)
  try {
    await client.create(PERSISTENT_VOLUMES, volume)
    events.record(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${key.name}`)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

/** The volume that a claim gets: named after its uid, of the size that it asks for. */
export function volumeFor(claim: Claim, storageClass: Class): Volume {
  const { namespace, name, uid, resourceVersion, annotations } = claim.metadata
  const volumeName = `pvc-${uid}`
  const node = annotations?.[SELECTED_NODE]
  const spec: PersistentVolumeSpec = {
    accessModes: [...(claim.spec?.accessModes ?? [])],
    capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
    claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
    ...sourceOf(storageClass.provisioner, volumeName),
    persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
    storageClassName: storageClass.metadata.name!,
    volumeMode: claim.spec?.volumeMode ?? 'Filesystem',
    ...(storageClass.mountOptions ? { mountOptions: storageClass.mountOptions } : {}),
    ...(claim.spec?.volumeAttributesClassName
      ? { volumeAttributesClassName: claim.spec.volumeAttributesClassName }
      : {}),
    ...(node ? { nodeAffinity: onNode(node) } : {}),
  }
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName, annotations: { [PROVISIONED_BY]: storageClass.provisioner } },
    spec,
  }
}

/** A CSI volume, as far as the provisioner's name can be a driver's; those of older ones are folders. */
function sourceOf(provisioner: string, name: string): Pick<PersistentVolumeSpec, 'csi' | 'hostPath'> {
  if (!provisioner.includes('/')) return { csi: { driver: provisioner, volumeHandle: name } }
  return { hostPath: { path: `/var/lib/kubemu/volumes/${name}`, type: 'DirectoryOrCreate' } }
}

/** A disk that was made for a pod on one node stays there, as that of a local provisioner does. */
function onNode(node: string): NonNullable<PersistentVolumeSpec['nodeAffinity']> {
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }]
  return { required: { nodeSelectorTerms: [{ matchExpressions }] } }
}

/** Deletes the released volumes of those provisioners. */
function simulatedDeleter(provisioners: readonly string[]): Controller<Volume> {
  return {
    name: 'simulated-deleter',
    serviceAccount: 'persistent-volume-binder',
    for: PERSISTENT_VOLUMES,
    async reconcile(key, { cache, client }) {
      const volume = cache.get(PERSISTENT_VOLUMES, key)
      const provisioner = volume?.metadata.annotations?.[PROVISIONED_BY]
      if (!volume || provisioner === undefined || !provisioners.includes(provisioner)) return
      if (volume.status?.phase !== 'Released' || volume.metadata.deletionTimestamp) return
      if (volume.spec?.persistentVolumeReclaimPolicy !== 'Delete') return
      try {
        await client.delete(PERSISTENT_VOLUMES, key, { preconditions: { uid: volume.metadata.uid! } })
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    },
  }
}

/** Makes the class that claims get by default, once, in a cluster that has no class at all, where this user may. */
export async function ensureDefaultStorageClass(client: Client, logger: Logger): Promise<void> {
  try {
    const { items } = await client.list(STORAGE_CLASSES)
    if (items.length === 0) await client.create(STORAGE_CLASSES, simulatedClass())
  } catch (error) {
    if (isAlreadyExists(error)) return
    if (asApiError(error)?.reason === 'Forbidden')
      logger.info({ err: error }, 'leaving the default storage class to others')
    else logger.warn({ err: error }, 'could not make the default storage class')
  }
}

/** Makes the default class with what the manager may do: an administrator's manager does, others leave it to nodes. */
export const defaultStorageClass: ControlLoop = {
  name: 'default-storage-class',
  async start({ client, logger }) {
    await ensureDefaultStorageClass(client, logger)
    return async () => {}
  },
}

function simulatedClass(): Class {
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' }
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: DEFAULT_CLASS_NAME, annotations },
    provisioner: SIMULATED_PROVISIONER,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
  }
}
