import { goAny, goString, goStruct } from '../../../apimachinery/go-struct.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { prettyGoPodValue } from '../../../registry/core/pod/go-pod-types.ts'
import { unifiedDiff } from '../../../registry/core/pod/unified-diff.ts'

/** Members of ObjectMeta in the order of its Go type. */
const METADATA = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
] as const satisfies readonly (keyof ObjectMeta)[]

const statusType = goStruct(
  ['Phase', 'phase', goString],
  ['AccessModes', 'accessModes', goAny],
  ['Capacity', 'capacity', goAny],
  ['Conditions', 'conditions', goAny],
  ['AllocatedResources', 'allocatedResources', goAny],
  ['AllocatedResourceStatuses', 'allocatedResourceStatuses', goAny],
  ['CurrentVolumeAttributesClassName', 'currentVolumeAttributesClassName', goAny],
  ['ModifyVolumeStatus', 'modifyVolumeStatus', goAny],
)

/**
 * What a new state of a claim changes besides what a node reports of it (capacity, conditions, resizing), as a diff;
 * undefined where it is nothing.
 */
export function foreignClaimChange(claim: KubeObject, old: KubeObject): string | undefined {
  const next = comparable(claim as unknown as PersistentVolumeClaim)
  const before = comparable(old as unknown as PersistentVolumeClaim)
  if (semanticEqual(next, before)) return undefined
  return unifiedDiff(printed(before), printed(next))
}

function comparable({ metadata, spec, status }: PersistentVolumeClaim) {
  const { resourceVersion: _r, managedFields: _m, ...keptMetadata } = metadata
  const {
    capacity: _c,
    conditions: _d,
    allocatedResources: _a,
    allocatedResourceStatuses: _s,
    ...keptStatus
  } = status ?? {}
  return { metadata: keptMetadata as ObjectMeta, spec, status: keptStatus }
}

/** The claim as upstream's internal type prints: metadata in line, then spec and status. */
function printed({ metadata, spec, status }: ReturnType<typeof comparable>): string {
  const head = METADATA.filter((name) => metadata[name] !== undefined).map((name) => [name, metadata[name]])
  const specValue: unknown = JSON.parse(
    prettyGoPodValue('PersistentVolumeClaimSpec', (spec ?? {}) satisfies PersistentVolumeClaimSpec),
  )
  const value = { ...Object.fromEntries(head), Spec: specValue, Status: statusType(status) }
  return JSON.stringify(value, undefined, 1)
}
