import { conflict } from '../../apimachinery/api-error.ts'
import type { FieldManager } from '../../apimachinery/field-manager/field-manager.ts'
import { ScaleManagedFields } from '../../apimachinery/field-manager/scale-managed-fields.ts'
import { apiVersionOf, type GroupVersionKind } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { typeOf } from '../../apimachinery/schema/builtin-types.ts'
import type { StructNode } from '../../apimachinery/schema/schema-node.ts'
import type { UpdateStrategy } from '../../registry/resource.ts'
import type { ApiResource } from '../api-resource.ts'
import { internalGoType, servedObject } from '../representation.ts'
import { defaultedHub } from './body.ts'
import { SCALE_GVK, SCALE_NODE_NAME, scaleOf, validateScale, withScale } from './scale.ts'

/**
 * What a PUT or PATCH works on: the object itself, a subresource that takes the same kind (status), or one that shows
 * a part of it as another kind (scale).
 */
export interface Endpoint {
  readonly resource: ApiResource
  readonly subresource: string
  readonly gvk: GroupVersionKind
  readonly node: StructNode
  /** Go's name of the internal type, for messages. */
  readonly internalType: string
  readonly fieldManager: FieldManager
  /** Undefined: the resource's own. */
  readonly strategy: UpdateStrategy<KubeObject> | undefined
  /** The endpoint's object of the stored one. The result is not to be written to. */
  open(stored: KubeObject): KubeObject
  /** The endpoint's object of the stored one as validating admission sees it. Not to be written to. */
  reviewed(stored: KubeObject): KubeObject
  /** The object to store of the endpoint's; `existing` undefined on a create. */
  close(object: KubeObject, existing: KubeObject | undefined): KubeObject
  /** The endpoint's object as clients of this version see it. Not to be written to. */
  served(object: KubeObject): KubeObject
  /** Defaults an object that a client sent or patched, and brings it into the endpoint's form. */
  defaulted(served: KubeObject): KubeObject
}

/** The endpoint of a resource ('') or of one of its subresources; undefined where that takes no updates. */
export function endpointOf(resource: ApiResource, subresource: string): Endpoint | undefined {
  const entry = resource.backing?.entry
  if (!entry) return undefined
  if (subresource === 'scale') return scaleEndpoint(resource)
  const strategy = subresource === '' ? undefined : entry.subresourceStrategies?.[subresource]
  if (subresource !== '' && !strategy) return undefined
  return {
    resource,
    subresource,
    gvk: resource.gvk,
    node: resource.node,
    internalType: internalGoType(resource),
    fieldManager: resource.fieldManager(subresource),
    strategy,
    open: (stored) => stored,
    reviewed: (stored) => stored,
    close: (object) => object,
    served: (object) => servedObject(resource, object),
    defaulted: (served) => defaultedHub(resource, served),
  }
}

function scaleEndpoint(resource: ApiResource): Endpoint | undefined {
  const { entry, identity } = resource.backing!
  const definition = entry.scale
  if (!definition) return undefined
  const managedFields = new ScaleManagedFields(
    apiVersionOf(resource.gvk),
    definition.replicasPath ?? ['spec', 'replicas'],
  )
  return {
    resource,
    subresource: 'scale',
    gvk: SCALE_GVK,
    node: typeOf(SCALE_NODE_NAME),
    internalType: 'autoscaling.Scale',
    fieldManager: resource.fieldManager('scale'),
    strategy: undefined,
    open: (stored) => {
      const scale = scaleOf(definition, stored)
      const entries = managedFields.toSubresource(stored.metadata.managedFields ?? [])
      if (entries.length > 0) scale.metadata.managedFields = entries
      return scale
    },
    reviewed: (stored) => scaleOf(definition, stored),
    close: (scale, existing) => {
      validateScale(scale)
      const uid = scale.metadata.uid
      if (uid && uid !== existing!.metadata.uid) {
        const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${existing!.metadata.uid}`
        throw conflict(identity, existing!.metadata.name ?? '', why)
      }
      const object = withScale(definition, existing!, scale)
      const entries = managedFields.toParent(existing!.metadata.managedFields ?? [], scale.metadata.managedFields ?? [])
      if (entries.length > 0) object.metadata.managedFields = entries
      else delete object.metadata.managedFields
      return object
    },
    served: (scale) => scale,
    defaulted: (scale) => scale,
  }
}
