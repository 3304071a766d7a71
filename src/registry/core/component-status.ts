import type { ComponentStatus } from '../../apimachinery/types/core-v1.ts'
import { defineResource } from '../resource.ts'
import { column, nameColumn } from '../table-cells.ts'

/** What a look at one component found out. */
export interface ComponentHealth {
  readonly name: string
  readonly healthy: boolean
  readonly message: string
  /** '' where the look itself went well. */
  readonly error: string
}

/**
 * A component status is never stored: each read makes it from a look at the component. Upstream's components are
 * `controller-manager`, `scheduler` and `etcd-0`.
 *
 * @see kubernetes pkg/registry/core/componentstatus/rest.go
 */
export function componentStatusOf({ name, healthy, message, error }: ComponentHealth): ComponentStatus {
  const condition = {
    type: 'Healthy',
    status: healthy ? 'True' : 'False',
    ...(message === '' ? {} : { message }),
    ...(error === '' ? {} : { error }),
  }
  return { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions: [condition] }
}

/** Read-only; see {@link componentStatusOf}. */
export const componentStatuses = defineResource<ComponentStatus>({
  group: '',
  resource: 'componentstatuses',
  hubVersion: 'v1',
  strategy: { validate: () => [], validateUpdate: () => [] },
  table: {
    columns: [nameColumn, column('Status'), column('Message'), column('Error')],
    cells(component) {
      const health = component.conditions?.find(({ type }) => type === 'Healthy')
      const status = !health ? 'Unknown' : health.status === 'True' ? 'Healthy' : 'Unhealthy'
      return [component.metadata.name ?? '', status, health?.message ?? '', health?.error ?? '']
    },
  },
})
