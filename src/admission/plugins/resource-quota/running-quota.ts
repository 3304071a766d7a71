import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ResourceQuota } from '../../../apimachinery/types/core-v1.ts'
import { type Amounts, amountsOf } from './amounts.ts'

/** A quota with the usage that requests under way would bring it to. */
export interface RunningQuota {
  /** As it is stored; shared. */
  readonly object: KubeObject
  /** The same, typed. */
  readonly quota: ResourceQuota
  readonly name: string
  /** What the status says is enforced. */
  readonly hard: Amounts
  readonly used: Amounts
}

export function runningQuota(object: KubeObject): RunningQuota {
  const quota = object as unknown as ResourceQuota
  return {
    object,
    quota,
    name: object.metadata.name!,
    hard: amountsOf(quota.status?.hard),
    used: amountsOf(quota.status?.used),
  }
}
