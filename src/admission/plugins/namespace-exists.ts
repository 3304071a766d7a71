import { notFound } from '../../apimachinery/api-error.ts'
import type { AdmissionPlugin } from '../admission.ts'
import type { ObjectReader } from '../object-reader.ts'

/**
 * Nothing happens in a namespace that does not exist.
 *
 * @see kubernetes plugin/pkg/admission/namespace/exists/admission.go
 */
export function namespaceExists(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'NamespaceExists',
    handles: (operation) => operation !== 'CONNECT',
    async validate({ namespace, kind }) {
      if (namespace === '' || (kind.group === '' && kind.kind === 'Namespace')) return
      if (await reader.get('', 'namespaces', '', namespace)) return
      throw notFound({ group: '', resource: 'namespaces' }, namespace)
    },
  }
}
