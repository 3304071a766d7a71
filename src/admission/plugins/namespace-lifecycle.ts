import { ApiError, forbidden, notFound } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Namespace } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { refused } from '../refusal.ts'

const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public'])

/**
 * Nothing is written into a namespace that does not exist, nothing created in one that is being deleted, and the
 * namespaces that the cluster needs stay.
 *
 * @see apiserver pkg/admission/plugin/namespace/lifecycle/admission.go
 */
export function namespaceLifecycle(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    handles: (operation) => operation !== 'CONNECT',
    admit(attributes) {
      const { kind, operation, namespace, name, resource } = attributes
      if (kind.group === '' && kind.kind === 'Namespace') {
        if (operation === 'DELETE' && IMMORTAL.has(name)) {
          throw forbidden(resource, name, 'this namespace may not be deleted')
        }
        return
      }
      if (namespace === '' || operation === 'DELETE' || isNamespaceBlind(attributes)) return
      const found = reader.get('', 'namespaces', '', namespace)
      if (found instanceof Promise) return found.then((object) => check(attributes, object))
      return check(attributes, found)
    },
  }
}

/** Answers to access reviews must not tell which namespaces there are. */
const isNamespaceBlind = (attributes: AdmissionAttributes): boolean =>
  isFor(attributes, 'authorization.k8s.io', 'localsubjectaccessreviews')

function check(attributes: AdmissionAttributes, found: KubeObject | undefined): void {
  const { operation, namespace } = attributes
  if (!found) throw notFound({ group: '', resource: 'namespaces' }, namespace)
  if (operation !== 'CREATE' || (found as unknown as Namespace).status?.phase !== 'Terminating') return
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  const { code, reason, message, details } = refused(attributes, why)
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  }
  throw new ApiError({ code, reason, message, details: { ...details, causes: [cause] } })
}
