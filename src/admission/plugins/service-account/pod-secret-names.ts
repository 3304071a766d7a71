import type { Pod, Volume } from '../../../apimachinery/types/core-v1.ts'
import { allContainers } from '../../../registry/core/pod/pod-containers.ts'

/**
 * Names of the secrets that a pod refers to itself, empty ones left out.
 *
 * @see kubernetes pkg/api/pod/util.go VisitPodSecretNames
 */
export function podSecretNames({ spec }: Pod): readonly string[] {
  if (!spec) return []
  const names: (string | undefined)[] = (spec.imagePullSecrets ?? []).map((s) => s.name)
  for (const { envFrom = [], env = [] } of allContainers(spec)) {
    names.push(...envFrom.map((e) => e.secretRef?.name), ...env.map((e) => e.valueFrom?.secretKeyRef?.name))
  }
  for (const volume of spec.volumes ?? []) names.push(...volumeSecretNames(volume))
  return names.filter((name) => name !== undefined && name !== '') as string[]
}

function volumeSecretNames(volume: Volume): (string | undefined)[] {
  return [
    volume.azureFile?.secretName,
    volume.cephfs?.secretRef?.name,
    volume.cinder?.secretRef?.name,
    volume.flexVolume?.secretRef?.name,
    ...(volume.projected?.sources ?? []).map((source) => source.secret?.name),
    volume.rbd?.secretRef?.name,
    volume.secret?.secretName,
    volume.scaleIO?.secretRef?.name,
    volume.iscsi?.secretRef?.name,
    volume.storageos?.secretRef?.name,
    volume.csi?.nodePublishSecretRef?.name,
  ]
}
