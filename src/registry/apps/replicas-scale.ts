import type { LabelSelector } from '../../apimachinery/types/meta-v1.ts'
import type { ScaleDefinition } from '../resource.ts'
import { parseSelector } from './pod-template-selector.ts'

interface Scalable {
  spec?: { replicas?: number; selector: LabelSelector }
  status?: { replicas?: number }
}

/** The scale subresource of a workload with `spec.replicas`, `status.replicas` and a label selector. */
export function replicasScale<T extends Scalable>(): ScaleDefinition<T> {
  return {
    replicasPath: ['spec', 'replicas'],
    specReplicas: (workload) => workload.spec?.replicas,
    setSpecReplicas(workload, replicas) {
      workload.spec!.replicas = replicas
    },
    statusReplicas: (workload) => workload.status?.replicas ?? 0,
    selector: (workload) => parseSelector(workload.spec?.selector)?.toString() ?? '',
  }
}
