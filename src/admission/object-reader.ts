import type { KubeObject } from '../apimachinery/kube-object.ts'

/**
 * What admission plugins look up. Objects are in the hub version of their resource, defaulted, zero values left out,
 * and shared: never write into one.
 */
export interface ObjectReader {
  /** Undefined where there is no such object; never misses one whose write was acknowledged before the call. */
  get(
    group: string,
    resource: string,
    namespace: string,
    name: string,
  ): KubeObject | undefined | Promise<KubeObject | undefined>
  /** In the order of their keys; `namespace` '' or unset: all of them. On a shared store it may lag behind others. */
  list(group: string, resource: string, namespace?: string): readonly KubeObject[] | Promise<readonly KubeObject[]>
}
