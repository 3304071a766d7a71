import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { PersistentVolume, Pod } from '../apimachinery/types/core-v1.ts'
import type { ResourceSlice } from '../apimachinery/types/resource-v1.ts'
import type { VolumeAttachment } from '../apimachinery/types/storage-v1.ts'
import { NodeUsage } from '../auth/authz/node/node-usage.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { ObjectFollower, type ObjectListener, tracking } from './object-follower.ts'

/** What nodes use, from the objects of a registry, never behind a write that has been acknowledged. */
export class NodeUsageSource {
  readonly #usage = new NodeUsage()
  #followers: readonly ObjectFollower[] = []

  /** Begins to follow; until then nodes use nothing. */
  async start(registry: Registry): Promise<void> {
    const follow = (
      group: string,
      resource: string,
      listener: Omit<ObjectListener, 'reset'>,
    ): Promise<ObjectFollower> => ObjectFollower.start(registry.backing(group, resource)!.cache, tracking(listener))
    const usage = this.#usage
    const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? ''
    this.#followers = await Promise.all([
      follow('', 'pods', {
        set: (object) => usage.setPod(object as unknown as Pod),
        remove: ({ metadata }) => usage.removePod(metadata.namespace ?? '', metadata.name ?? ''),
      }),
      follow('', 'persistentvolumes', {
        set: (object) => usage.setVolume(object as unknown as PersistentVolume),
        remove: (object) => usage.removeVolume(nameOf(object)),
      }),
      follow('storage.k8s.io', 'volumeattachments', {
        set: (object) =>
          usage.setOwned('volumeattachments', nameOf(object), (object as unknown as VolumeAttachment).spec.nodeName),
        remove: (object) => usage.removeOwned('volumeattachments', nameOf(object)),
      }),
      follow('resource.k8s.io', 'resourceslices', {
        set: (object) =>
          usage.setOwned('resourceslices', nameOf(object), (object as unknown as ResourceSlice).spec.nodeName),
        remove: (object) => usage.removeOwned('resourceslices', nameOf(object)),
      }),
    ])
  }

  readonly usage = (): NodeUsage => {
    for (const follower of this.#followers) follower.sync()
    return this.#usage
  }
}
