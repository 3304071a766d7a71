import type { Container, EphemeralContainer, PersistentVolume, Pod, PodSpec, Volume } from './types/core-v1.ts'

/** A kind of object that nodes may reach through what runs on them. */
type ReferencedKind =
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'resourceclaims'
  | 'serviceaccounts'
  | 'pods'

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror'

/**
 * What of its namespace a pod's node must be able to read, as `kind/name`, the pod itself among them.
 *
 * @see kubernetes plugin/pkg/auth/authorizer/node/graph.go AddPod, pkg/api/pod/util.go
 */
export function podReferences(pod: Pod): Set<string> {
  const { metadata, spec, status } = pod
  const found = new Set<string>()
  const add = (kind: ReferencedKind, name: string | undefined): void => {
    if (name) found.add(`${kind}/${name}`)
  }
  add('pods', metadata.name)
  // Mirror pods show what the node runs anyway: they give it nothing.
  if (!spec || metadata.annotations?.[MIRROR_ANNOTATION] !== undefined) return found
  add('serviceaccounts', spec.serviceAccountName)
  for (const { name } of spec.imagePullSecrets ?? []) add('secrets', name)
  for (const container of containersOf(spec)) addContainer(container, add)
  for (const volume of spec.volumes ?? []) addVolume(volume, metadata.name ?? '', add)
  for (const claim of spec.resourceClaims ?? []) {
    const generated = status?.resourceClaimStatuses?.find((s) => s.name === claim.name)
    add('resourceclaims', claim.resourceClaimName ?? generated?.resourceClaimName)
  }
  add('resourceclaims', status?.extendedResourceClaimStatus?.resourceClaimName)
  return found
}

type Add = (kind: ReferencedKind, name: string | undefined) => void

function containersOf(spec: PodSpec): (Container | EphemeralContainer)[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]
}

function addContainer({ envFrom, env }: Container | EphemeralContainer, add: Add): void {
  for (const source of envFrom ?? []) {
    add('secrets', source.secretRef?.name)
    add('configmaps', source.configMapRef?.name)
  }
  for (const { valueFrom } of env ?? []) {
    add('secrets', valueFrom?.secretKeyRef?.name)
    add('configmaps', valueFrom?.configMapKeyRef?.name)
  }
}

function addVolume(volume: Volume, podName: string, add: Add): void {
  add('secrets', volume.secret?.secretName)
  add('secrets', volume.azureFile?.secretName)
  for (const source of [volume.cephfs, volume.cinder, volume.flexVolume, volume.rbd, volume.scaleIO, volume.iscsi])
    add('secrets', source?.secretRef?.name)
  add('secrets', volume.storageos?.secretRef?.name)
  add('secrets', volume.csi?.nodePublishSecretRef?.name)
  add('configmaps', volume.configMap?.name)
  for (const source of volume.projected?.sources ?? []) {
    add('secrets', source.secret?.name)
    add('configmaps', source.configMap?.name)
  }
  add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName)
  if (volume.ephemeral) add('persistentvolumeclaims', `${podName}-${volume.name}`)
}

/**
 * Secrets that a kubelet needs to mount a volume, as `namespace/name`.
 *
 * @see kubernetes pkg/api/v1/persistentvolume/util.go
 */
export function volumeSecrets({ spec }: PersistentVolume): Set<string> {
  const found = new Set<string>()
  const claimNamespace = spec?.claimRef?.namespace ?? ''
  const add = (reference: { name?: string; namespace?: string } | undefined, fallback = claimNamespace): void => {
    if (reference?.name) found.add(`${reference.namespace || fallback}/${reference.name}`)
  }
  if (spec?.azureFile) {
    const { secretName, secretNamespace } = spec.azureFile
    add({ name: secretName, ...(secretNamespace ? { namespace: secretNamespace } : {}) })
  }
  for (const source of [spec?.cephfs, spec?.flexVolume, spec?.rbd, spec?.scaleIO, spec?.iscsi]) add(source?.secretRef)
  add(spec?.cinder?.secretRef, '')
  add(spec?.storageos?.secretRef, '')
  // The secrets of the CSI controller are none of the kubelet's.
  for (const reference of [
    spec?.csi?.nodePublishSecretRef,
    spec?.csi?.nodeStageSecretRef,
    spec?.csi?.nodeExpandSecretRef,
  ])
    add(reference, '')
  return found
}
