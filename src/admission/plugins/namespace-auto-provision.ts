import type { AdmissionPlugin } from '../admission.ts'
import type { AdmissionDependencies } from '../admission-dependencies.ts'

/**
 * A namespace comes into being with the first object that is created in it.
 *
 * @see kubernetes plugin/pkg/admission/namespace/autoprovision/admission.go
 */
export function namespaceAutoProvision({
  reader,
  createNamespace,
}: Pick<AdmissionDependencies, 'reader' | 'createNamespace'>): AdmissionPlugin {
  return {
    name: 'NamespaceAutoProvision',
    handles: (operation) => operation === 'CREATE',
    async admit({ dryRun, namespace, kind }) {
      if (dryRun || namespace === '' || (kind.group === '' && kind.kind === 'Namespace')) return
      if (!(await reader.get('', 'namespaces', '', namespace))) await createNamespace(namespace)
    },
  }
}
