import { goQuote } from '../apimachinery/go-quote.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { isPathSegmentName } from '../apimachinery/validation/names.ts'

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

/** Why a client cannot even ask for an object of that name; undefined where it can. */
export function unaskableName(name: string): string | undefined {
  if (name === '') return 'resource name may not be empty'
  const problems = isPathSegmentName(name)
  return problems.length > 0 ? `invalid resource name ${goQuote(name)}: [${problems.join(' ')}]` : undefined
}
