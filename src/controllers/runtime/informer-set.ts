import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ObjectKey, ResourceRef } from './client.ts'
import type { CacheReader } from './controller.ts'
import { Informer, type InformerOptions } from './informer.ts'
import { resourceId } from './resources.ts'

/** One informer for each resource that somebody asked for, shared by all. */
export class InformerSet implements CacheReader {
  readonly #options: Omit<InformerOptions<KubeObject>, 'resource'>
  readonly #informers = new Map<string, Informer>()

  constructor(options: Omit<InformerOptions<KubeObject>, 'resource'>) {
    this.#options = options
  }

  /** The informer of a resource, which begins to work the first time. */
  informer<T extends KubeObject>(resource: ResourceRef<T>): Informer<T> {
    const id = resourceId(resource)
    let informer = this.#informers.get(id)
    if (!informer) {
      informer = new Informer({ ...this.#options, resource })
      this.#informers.set(id, informer)
      informer.start()
    }
    return informer as unknown as Informer<T>
  }

  /** The informer of a resource where somebody has asked for it. */
  find(resource: ResourceRef): Informer | undefined {
    return this.#informers.get(resourceId(resource))
  }

  get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): T | undefined {
    return this.informer(resource).get(key)
  }

  list<T extends KubeObject>(resource: ResourceRef<T>, namespace?: string): readonly T[] {
    return this.informer(resource).list(namespace)
  }

  byIndex<T extends KubeObject>(resource: ResourceRef<T>, index: string, value: string): readonly T[] {
    return this.informer(resource).byIndex(index, value)
  }

  /** Resolves once every informer that was asked for so far has its first list. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((i) => i.synced))
  }

  stop(): void {
    for (const informer of this.#informers.values()) informer.stop()
  }
}
