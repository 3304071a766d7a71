import { invalid as invalidObject } from '../../apimachinery/api-error.ts'
import { cloneJson } from '../../apimachinery/clone.ts'
import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Scale } from '../../apimachinery/types/autoscaling-v1.ts'
import { validateObjectMeta } from '../../apimachinery/validation/object-meta.ts'
import type { ScaleDefinition, TableDefinition } from '../../registry/resource.ts'
import { age, ageColumn, column } from '../../registry/table-cells.ts'

export const SCALE_GVK = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const
export const SCALE_NODE_NAME = 'io.k8s.api.autoscaling.v1.Scale'

/** Columns of a Scale. */
export const SCALE_TABLE: TableDefinition<KubeObject> = {
  columns: [column('Name'), column('Desired', 'integer'), column('Available', 'integer'), ageColumn],
  cells: (object, now) => {
    const { spec, status } = object as unknown as Scale
    return [object.metadata.name ?? '', spec?.replicas ?? 0, status?.replicas ?? 0, age(object, now)]
  },
}

/** The scale subresource of an object (autoscaling/v1 Scale). */
export function scaleOf(definition: ScaleDefinition<KubeObject>, object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const replicas = definition.specReplicas(object) ?? 0
  const selector = definition.selector(object)
  return {
    kind: SCALE_GVK.kind,
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: definition.statusReplicas(object), ...(selector === '' ? {} : { selector }) },
  }
}

/** @see kubernetes pkg/apis/autoscaling/validation/validation.go ValidateScale */
export function validateScale(scale: KubeObject): void {
  const errors: FieldError[] = validateObjectMeta(scale.metadata, true, () => [], FieldPath.of('metadata'))
  const replicas = (scale as unknown as Scale).spec?.replicas ?? 0
  if (replicas < 0) {
    errors.push(invalid(FieldPath.of('spec', 'replicas'), replicas, 'must be greater than or equal to 0'))
  }
  if (errors.length > 0) throw invalidObject({ group: 'autoscaling', kind: 'Scale' }, scale.metadata.name ?? '', errors)
}

/** The object with the replicas that a Scale asks for. */
export function withScale(
  definition: ScaleDefinition<KubeObject>,
  existing: KubeObject,
  scale: KubeObject,
): KubeObject {
  const object = cloneJson(existing)
  definition.setSpecReplicas(object, (scale as unknown as Scale).spec?.replicas ?? 0)
  if (scale.metadata.resourceVersion) object.metadata.resourceVersion = scale.metadata.resourceVersion
  return object
}
