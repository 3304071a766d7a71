import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ObjectReader } from '../../object-reader.ts'

/** Writes what a quota has been used for. */
export interface QuotaStatusWriter {
  /**
   * Stores the object's status as the server itself, where the object is still the one of its resourceVersion; resolves
   * with what is stored. `quota` belongs to the writer. Errors: 404, 409 and those of the store.
   */
  updateQuotaStatus(quota: KubeObject): Promise<KubeObject>
}

/** Quotas that were written last: readers may be behind. As many as upstream keeps. */
const MAX_RECENT = 100

/**
 * The quotas of namespaces, at least as new as what was written here.
 *
 * @see apiserver pkg/admission/plugin/resourcequota/resource_access.go
 */
export class QuotaAccessor {
  readonly #reader: ObjectReader
  readonly #writer: QuotaStatusWriter
  readonly #recent = new Map<string, KubeObject>()

  constructor(reader: ObjectReader, writer: QuotaStatusWriter) {
    this.#reader = reader
    this.#writer = writer
  }

  /** True where the namespace has none, as far as can be told without waiting. */
  hasNone(namespace: string): boolean {
    const listed = this.#reader.list('', 'resourcequotas', namespace)
    return !(listed instanceof Promise) && listed.length === 0
  }

  async quotasOf(namespace: string): Promise<readonly KubeObject[]> {
    const listed = await this.#reader.list('', 'resourcequotas', namespace)
    return listed.length === 0 ? listed : listed.map((quota) => this.#latest(quota))
  }

  async update(quota: KubeObject): Promise<void> {
    const stored = await this.#writer.updateQuotaStatus(quota)
    const key = keyOf(stored)
    this.#recent.delete(key)
    this.#recent.set(key, stored)
    if (this.#recent.size > MAX_RECENT) this.#recent.delete(this.#recent.keys().next().value!)
  }

  #latest(quota: KubeObject): KubeObject {
    const key = keyOf(quota)
    const recent = this.#recent.get(key)
    if (!recent) return quota
    if (revisionOf(recent) > revisionOf(quota)) return recent
    this.#recent.delete(key)
    return quota
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`
const revisionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion)
