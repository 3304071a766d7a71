import type { KubeObject } from '../apimachinery/kube-object.ts'

/** Reads single objects of the core group, as fresh as a credential's check must be. Results are shared: don't write. */
export interface ObjectReader {
  /** `namespace` is '' for nodes. Undefined: there is no such object. */
  read(
    resource: 'nodes' | 'pods' | 'secrets' | 'serviceaccounts',
    namespace: string,
    name: string,
  ): KubeObject | undefined | Promise<KubeObject | undefined>
}
