import type { AdmissionAttributes, AdmissionOperation } from '../../admission/admission.ts'
import type { AdmissionChain } from '../../admission/chain.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
import type { Authorizer } from '../../auth/authz/authorizer.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'

/** What handlers need besides the resource. */
export interface HandlerServices {
  readonly admission: AdmissionChain
  readonly authorizer: Authorizer
}

interface AttributesOptions {
  readonly operation: AdmissionOperation
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly object?: KubeObject
  readonly oldObject?: KubeObject
  readonly options?: JsonObject
  readonly dryRun: boolean
}

/** The request as admission sees it. */
export function admissionAttributes(call: Call, resource: ApiResource, fields: AttributesOptions): AdmissionAttributes {
  return {
    operation: fields.operation,
    kind: kindOf(resource, fields.subresource),
    resource: resource.gvr,
    subresource: fields.subresource,
    namespace: fields.namespace,
    name: fields.name,
    object: fields.object,
    oldObject: fields.oldObject,
    options: fields.options,
    dryRun: fields.dryRun,
    user: call.user,
    trace: call.trace,
    addWarning: (text) => call.warn(text),
    addAuditAnnotation: (key, value, level) => call.annotate(key, value, level),
    spent: (layer, ms) => call.spent(layer, ms),
    timeLeftMs: () => call.timeLeftMs(),
  }
}

function kindOf(resource: ApiResource, subresource: string): AdmissionAttributes['kind'] {
  const fact = subresource === '' ? undefined : resource.subresources.get(subresource)
  return fact ? { group: fact.group, version: fact.version, kind: fact.kind } : resource.gvk
}
