import type { PodSpec, Volume } from '../../../apimachinery/types/core-v1.ts'
import { type PodCheck, plural, quoted, sortedSet, type Violation } from '../check.ts'

const ALLOWED = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const satisfies readonly (keyof Volume)[]

/** Volumes of the core API that reach beyond the pod, in the order in which upstream looks for them. */
const FORBIDDEN = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
] as const satisfies readonly (keyof Volume)[]

/** Pods mount only what belongs to them. */
export const restrictedVolumes: PodCheck = {
  id: 'restrictedVolumes',
  level: 'restricted',
  versions: [{ since: 0, check: checkVolumes, overrides: ['hostPathVolumes'] }],
}

function checkVolumes(spec: PodSpec): Violation | undefined {
  const bad = (spec.volumes ?? []).filter((volume) => !ALLOWED.some((source) => volume[source]))
  if (bad.length === 0) return undefined
  const types = sortedSet(bad.map((volume) => FORBIDDEN.find((source) => volume[source]) ?? 'unknown'))
  const volumes = `${plural('volume', bad.length)} ${quoted(bad.map((v) => v.name))}`
  const use = bad.length === 1 ? 'uses' : 'use'
  const detail = `${volumes} ${use} ${plural('restricted volume type', types.length)} ${quoted(types)}`
  return { reason: 'restricted volume types', detail }
}
