import { notFound } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import {
  type ComponentHealth,
  componentStatusOf,
  componentStatuses as entry,
} from '../../registry/core/component-status.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'

/** componentstatuses: made anew by every read. `look` asks the components. */
export function componentStatuses(look: () => Promise<readonly ComponentHealth[]>): VirtualHandlers {
  const all = async (call: Call): Promise<KubeObject[]> => {
    call.warn('v1 ComponentStatus is deprecated in v1.19+')
    return (await look()).map((h) => componentStatusOf(h) as unknown as KubeObject)
  }
  return {
    ...(entry.table ? { table: entry.table } : {}),
    list: all,
    async get(call, name) {
      const found = (await all(call)).find((c) => c.metadata.name === name)
      // Upstream names the kind in the singular here.
      if (!found) throw notFound({ group: '', resource: 'componentstatus' }, name)
      return found
    },
  }
}
