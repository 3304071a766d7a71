import type { KubeObject } from '../apimachinery/kube-object.ts'

/** Nothing became of what was waited for. */
export class WaitTimeoutError extends Error {
  /** The object, or the objects, as they were in the end; undefined: it did not exist. */
  readonly last: KubeObject | readonly KubeObject[] | undefined

  constructor(message: string, last: KubeObject | readonly KubeObject[] | undefined) {
    super(message)
    this.name = 'WaitTimeoutError'
    this.last = last
  }
}
