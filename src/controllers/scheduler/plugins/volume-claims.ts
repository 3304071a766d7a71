import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../apimachinery/types/core-v1.ts'
import type { Labels } from '../affinity-term.ts'
import { anyTermMatchesNode } from '../node-affinity-match.ts'

/** Says that binding of a claim is done. */
const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed'
/** Says that the volume was bound by the controller, not by hand. */
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller'
/** Asks the provisioner for a volume that can be used on that node. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
/** Provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner'

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class'

/** The claim that a volume of a pod is about; a generic ephemeral volume's has a name made of the pod's. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName
  return volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined
}

/** Names of all claims that a pod uses. */
export function claimNamesOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume) ?? [])
}

/** Storage class of a claim; '' for none. */
export function classOfClaim(claim: PersistentVolumeClaim): string {
  return claim.metadata.annotations?.[BETA_CLASS] ?? claim.spec?.storageClassName ?? ''
}

/** Storage class of a volume; '' for none. */
export function classOfVolume(volume: PersistentVolume): string {
  return volume.metadata.annotations?.[BETA_CLASS] ?? volume.spec?.storageClassName ?? ''
}

export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return Boolean(claim.spec?.volumeName) && claim.metadata.annotations?.[BIND_COMPLETED] !== undefined
}

/** Whether a volume can be used on a node with these labels. */
export function volumeFitsNode(volume: PersistentVolume, labels: Labels): boolean {
  const required = volume.spec?.nodeAffinity?.required
  return !required || anyTermMatchesNode(required.nodeSelectorTerms, labels, '')
}
