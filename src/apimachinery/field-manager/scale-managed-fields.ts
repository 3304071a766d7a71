import type { ManagedFieldsEntry } from '../types/meta-v1.ts'
import { difference, type FieldSet, hasPath, setOf } from './field-set.ts'
import { decodeManagedFields, encodeManagedFields, type Managers, withSet } from './managed-fields.ts'
import { fieldElement, type PathElements } from './path-element.ts'

const SCALE_API_VERSION = 'autoscaling/v1'
const REPLICAS_IN_SCALE: PathElements = ['f:spec', 'f:replicas']

/**
 * Shows the ownership of a resource's replicas as that of its Scale, and takes it back after a write to the scale.
 *
 * @see apimachinery pkg/util/managedfields/scalehandler.go
 */
export class ScaleManagedFields {
  readonly #apiVersion: string
  /** Path of the replicas in each version of the resource; undefined for a version without a scale. */
  readonly #paths: ReadonlyMap<string, PathElements | undefined>

  /**
   * `replicasPath`: names of fields down to the replicas, in `apiVersion`, that of the request. `otherVersions`: the
   * same of the other versions of the resource; entries of versions that are not named are dropped.
   */
  constructor(
    apiVersion: string,
    replicasPath: readonly string[],
    otherVersions: ReadonlyMap<string, readonly string[] | undefined> = new Map(),
  ) {
    this.#apiVersion = apiVersion
    const paths = new Map<string, PathElements | undefined>()
    for (const [version, path] of otherVersions) paths.set(version, path?.map(fieldElement))
    paths.set(apiVersion, replicasPath.map(fieldElement))
    this.#paths = paths
  }

  /**
   * Entries of the Scale: who owns the replicas of the resource.
   *
   * @throws {ManagedFieldsError} where the resource's entries do not decode
   */
  toSubresource(parentEntries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
    const result: Managers = new Map()
    for (const [id, entry] of decodeManagedFields(parentEntries)) {
      const path = this.#paths.get(entry.apiVersion)
      if (!path || !hasPath(entry.set, path)) continue
      const set = setOf(REPLICAS_IN_SCALE)
      result.set(id, { ...entry, apiVersion: SCALE_API_VERSION, set, encoded: undefined })
    }
    return encodeManagedFields(result) ?? []
  }

  /**
   * Entries of the resource after a write to its Scale.
   *
   * @throws {ManagedFieldsError} where entries do not decode
   */
  toParent(
    parentEntries: readonly ManagedFieldsEntry[],
    scaleEntries: readonly ManagedFieldsEntry[],
  ): ManagedFieldsEntry[] {
    const parent = decodeManagedFields(parentEntries)
    const scale = decodeManagedFields(scaleEntries)
    const result: Managers = new Map()
    for (const [id, entry] of parent) {
      if (!this.#paths.has(entry.apiVersion)) continue
      const path = this.#paths.get(entry.apiVersion)
      if (!path || !hasPath(entry.set, path) || scale.delete(id)) {
        result.set(id, entry)
        continue
      }
      const left = withSet(entry, difference(entry.set, setOf(path)))
      if (left) result.set(id, left)
    }
    const set: FieldSet = setOf(this.#paths.get(this.#apiVersion)!)
    for (const [id, entry] of scale) {
      if (!hasPath(entry.set, REPLICAS_IN_SCALE)) continue
      // Upstream looks up the time among the resource's entries: one that is new there has none.
      const time = parent.get(id)?.time
      result.set(id, { ...entry, apiVersion: this.#apiVersion, time, set, encoded: undefined })
    }
    return encodeManagedFields(result) ?? []
  }
}
