import type { ControllerRevision, StatefulSet } from '../../../apimachinery/types/apps-v1.ts'
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, Volume } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { STATEFUL_SETS } from '../../runtime/resources.ts'
import { REVISION_LABEL } from '../controller-history.ts'
import { podFromTemplate } from '../pod-control.ts'
import { isPodAvailable, type PodObject } from '../pod-state.ts'

export type StatefulSetObject = Typed<StatefulSet>
export type ClaimObject = Typed<PersistentVolumeClaim>

const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name'
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index'

/** Name of the set and ordinal that a pod's name spells; ordinal -1: none. */
export function parsePodName(name: string): { readonly parent: string; readonly ordinal: number } {
  const match = /^(.*)-(\d+)$/s.exec(name)
  const ordinal = Number(match?.[2] ?? -1)
  return { parent: match?.[1] ?? '', ordinal: ordinal <= 2_147_483_647 ? ordinal : -1 }
}

export const ordinalOf = ({ metadata }: Pod): number => parsePodName(metadata.name ?? '').ordinal
export const isMember = (set: StatefulSet, { metadata }: Pod): boolean =>
  parsePodName(metadata.name ?? '').parent === set.metadata.name
export const firstOrdinal = ({ spec }: StatefulSet): number => spec?.ordinals?.start ?? 0
export const replicasOf = ({ spec }: StatefulSet): number => spec?.replicas ?? 1
export const revisionNameOf = ({ metadata }: Pod): string => metadata.labels?.[REVISION_LABEL] ?? ''

/** The pod is one of those that the set's size asks for. */
export function isInRange(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(pod)
  return ordinal >= firstOrdinal(set) && ordinal < firstOrdinal(set) + replicasOf(set)
}

export const isCreated = ({ status }: Pod): boolean => (status?.phase ?? '') !== ''

export function isUnavailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  return !isPodAvailable(pod, minReadySeconds, now) || pod.metadata.deletionTimestamp !== undefined
}

/** Name of the claim that a template gives to an ordinal. */
export function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata.name}-${set.metadata.name}-${ordinal}`
}

/** The claims of an ordinal, with the name that its pod's volumes have for each. */
export function claimsOf(set: StatefulSetObject, ordinal: number): readonly { volume: string; claim: ClaimObject }[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    volume: template.metadata.name!,
    claim: {
      ...template,
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        ...template.metadata,
        name: claimName(set, template, ordinal),
        namespace: set.metadata.namespace!,
        labels: { ...template.metadata.labels, ...set.spec!.selector.matchLabels },
      },
    },
  }))
}

/** The volumes of a pod with those of its claims. */
export function withClaimVolumes(set: StatefulSetObject, ordinal: number, volumes: readonly Volume[]): Volume[] {
  const claims = claimsOf(set, ordinal)
  const own = claims.map(({ volume, claim }) => ({
    name: volume,
    persistentVolumeClaim: { claimName: claim.metadata.name! },
  }))
  return [...own, ...volumes.filter(({ name }) => !claims.some((c) => c.volume === name))]
}

/** The pod of an ordinal, of a revision. */
export function newPod(
  set: StatefulSetObject,
  template: PodTemplateSpec,
  revision: ControllerRevision,
  ordinal: number,
): PodObject {
  const name = `${set.metadata.name}-${ordinal}`
  const pod = podFromTemplate(template, set, controllerReference(set, STATEFUL_SETS))
  const { metadata } = pod
  const volumes = withClaimVolumes(set, ordinal, template.spec?.volumes ?? [])
  return {
    ...pod,
    metadata: {
      ...metadata,
      name,
      labels: {
        ...metadata.labels,
        [POD_NAME_LABEL]: name,
        [POD_INDEX_LABEL]: String(ordinal),
        [REVISION_LABEL]: revision.metadata.name!,
      },
    },
    spec: {
      ...pod.spec!,
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  }
}

/** Labels and volumes of a pod are those that its name asks for. */
export function hasIdentity(set: StatefulSetObject, pod: PodObject): boolean {
  return pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name && hasStorage(set, pod)
}

function hasStorage(set: StatefulSetObject, { metadata, spec }: PodObject): boolean {
  const { ordinal } = parsePodName(metadata.name!)
  return claimsOf(set, ordinal).every(({ volume, claim }) =>
    spec?.volumes?.some((v) => v.name === volume && v.persistentVolumeClaim?.claimName === claim.metadata.name),
  )
}

/** The pod with the labels and volumes that its name asks for. */
export function withIdentity(set: StatefulSetObject, pod: PodObject): PodObject {
  const name = pod.metadata.name!
  const ordinal = ordinalOf(pod)
  const labels = { ...pod.metadata.labels, [POD_NAME_LABEL]: name, [POD_INDEX_LABEL]: String(ordinal) }
  const volumes = withClaimVolumes(set, ordinal, pod.spec?.volumes ?? [])
  return { ...pod, metadata: { ...pod.metadata, labels }, spec: { ...pod.spec!, volumes } }
}
