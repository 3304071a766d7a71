import { equalJson } from '../clone.ts'
import type { SchemaNode } from '../schema/schema-node.ts'
import { type Comparison, compareValues } from './compare.ts'
import { difference, EMPTY_SET, type FieldSet, intersection, isEmptySet, isSubset, union } from './field-set.ts'
import type { ManagerEntry, Managers } from './managed-fields.ts'
import { withSet } from './managed-fields.ts'
import { mergeValues } from './merge-values.ts'
import { reconcileFieldSet, withNamedFields } from './reconcile-field-set.ts'
import { removeItems } from './remove-items.ts'
import type { FieldFilter } from './reset-fields.ts'
import { toFieldSet } from './to-field-set.ts'

/** A value in one version of its kind. */
export interface TypedValue {
  readonly apiVersion: string
  readonly node: SchemaNode
  readonly value: unknown
}

/** What the updater asks of the versions of a kind. */
interface VersionConverter {
  /** The value in another version; undefined for a version that is not served any more. */
  convert(value: TypedValue, apiVersion: string): TypedValue | undefined
}

/** Fields that an apply would take from others, by the id of who owns them. */
export class ConflictsError extends Error {
  readonly conflicts: ReadonlyMap<string, ConflictingFields>

  constructor(conflicts: ReadonlyMap<string, ConflictingFields>) {
    super('conflicts')
    this.name = 'ConflictsError'
    this.conflicts = conflicts
  }
}

interface ConflictingFields {
  readonly owner: ManagerEntry
  readonly fields: FieldSet
}

interface UpdateResult {
  readonly managers: Managers
  /** What the one who updates owns now of what it changed. */
  readonly changed: FieldSet
}

interface ApplyResult {
  readonly managers: Managers
  /** Undefined where nothing changes. */
  readonly value: unknown
}

interface ApplyRequest {
  readonly live: TypedValue
  readonly config: TypedValue
  readonly managers: Managers
  /** The entry of who applies: its set is what it applied before (empty on the first time). */
  readonly applier: ManagerEntry
  readonly applierId: string
  readonly force: boolean
}

/**
 * Computes ownership of fields. Values are those of the typed server: with zero values that JSON always carries.
 *
 * @see structured-merge-diff merge/update.go
 */
export class Updater {
  readonly #converter: VersionConverter
  readonly #filters: ReadonlyMap<string, FieldFilter>
  /** What is left of a set that many new objects share. */
  readonly #created = new WeakMap<FieldSet, FieldSet>()

  constructor(converter: VersionConverter, filters: ReadonlyMap<string, FieldFilter>) {
    this.#converter = converter
    this.#filters = filters
  }

  /** Someone changes the object: takes from others what changed, and gives it to nobody yet. */
  update(live: TypedValue, next: TypedValue, managers: Managers): UpdateResult {
    const owners = this.#reconcile(live, managers)
    const { removed, modified, added } = this.#compare(live, next, true)
    const left = this.#take({ live, next, owners, comparison: { removed, modified, added }, force: true, zeros: true })
    return { managers: left, changed: this.#filter(next.apiVersion, union(modified, added)) }
  }

  /** Someone makes the object, `before` says no more than its kind: the fields that are theirs. */
  create(before: TypedValue, next: TypedValue): FieldSet {
    const { modified, added } = compareValues(before.node, before.value, next.value, { zeros: true })
    if (!isEmptySet(modified)) return this.#filter(next.apiVersion, union(modified, added))
    let set = this.#created.get(added)
    if (!set) {
      set = this.#filter(next.apiVersion, added)
      this.#created.set(added, set)
    }
    return set
  }

  /**
   * Merges a configuration into the live object, takes away what its applier gave up and no one else owns.
   *
   * @throws {ConflictsError} unless forced
   */
  apply(request: ApplyRequest): ApplyResult {
    const { live, config, applier, applierId, force } = request
    const owners = this.#reconcile(live, request.managers)
    const merged = mergeValues(live.node, live.value, config.value)
    const last = owners.get(applierId)
    const set = this.#filter(config.apiVersion, toFieldSet(config.node, config.value))
    owners.set(applierId, appliedEntry(applier, last, set, config.apiVersion))
    const next = this.#prune({ ...live, value: merged }, owners, applierId, last)
    const comparison = this.#compare(live, next, false)
    const left = this.#take({ live, next, owners, comparison, force, except: applierId, zeros: false })
    return { managers: left, value: equalJson(live.value, next.value) ? undefined : next.value }
  }

  /** The entries whose versions are still served, in line with the schemas of today. */
  #reconcile(live: TypedValue, managers: Managers): Managers {
    const result: Managers = new Map()
    for (const [id, entry] of managers) {
      const versioned = this.#converter.convert(live, entry.apiVersion)
      const next = versioned && withSet(entry, reconcileFieldSet(entry.set, versioned.node))
      if (next) result.set(id, next)
    }
    return result
  }

  #compare(left: TypedValue, right: TypedValue, zeros: boolean): Comparison {
    const { removed, modified, added } = compareValues(left.node, left.value, right.value, { zeros })
    const version = left.apiVersion
    if (!this.#filters.has(version)) return { removed, modified, added }
    return {
      removed: this.#filter(version, removed),
      modified: this.#filter(version, modified),
      added: this.#filter(version, added),
    }
  }

  #filter(apiVersion: string, set: FieldSet): FieldSet {
    const filter = this.#filters.get(apiVersion)
    return filter && !isEmptySet(set) ? filter(set) : set
  }

  /** Takes what changed from its owners. */
  #take(change: Change): Managers {
    const { live, next, owners, force } = change
    const comparisons = new Map<string, Comparison | undefined>([[live.apiVersion, change.comparison]])
    const left: Managers = new Map()
    const conflicts = new Map<string, ConflictingFields>()
    for (const [id, owner] of owners) {
      if (id === change.except) {
        left.set(id, owner)
        continue
      }
      if (!comparisons.has(owner.apiVersion)) {
        const before = this.#converter.convert(live, owner.apiVersion)
        const after = before && this.#converter.convert(next, owner.apiVersion)
        comparisons.set(owner.apiVersion, before && after && this.#compare(before, after, change.zeros))
      }
      const comparison = comparisons.get(owner.apiVersion)
      if (!comparison) continue
      const fields = takenFields(owner.set, comparison)
      if (!isEmptySet(fields)) conflicts.set(id, { owner, fields })
      const set = difference(difference(owner.set, fields), comparison.removed)
      const kept = withSet(owner, set)
      if (kept) left.set(id, kept)
    }
    if (!force && conflicts.size > 0) throw new ConflictsError(conflicts)
    const own = change.except === undefined ? undefined : left.get(change.except)
    if (own && isEmptySet(own.set)) left.delete(change.except!)
    return left
  }

  /** Takes away what the applier applied before, does not apply any more, and no one else owns. */
  #prune(merged: TypedValue, owners: Managers, applierId: string, last: ManagerEntry | undefined): TypedValue {
    if (!last || isEmptySet(last.set)) return merged
    const applier = owners.get(applierId)!
    // What is still applied comes back whole: nothing to take away.
    if (last.apiVersion === applier.apiVersion && isSubset(last.set, applier.set)) return merged
    const versioned = this.#converter.convert(merged, last.apiVersion)
    if (!versioned) return merged
    const pruned = withoutItems(versioned, withNamedFields(last.set, versioned.node))
    const owned = this.#addBackOwned(versioned, pruned, owners)
    const final = this.#addBackDangling(versioned, owned, last)
    return this.#converter.convert(final, applier.apiVersion) ?? merged
  }

  /** Brings back what someone owns: in the pruned version first, then in the others. */
  #addBackOwned(merged: TypedValue, pruned: TypedValue, owners: Managers): TypedValue {
    const owned = new Map<string, FieldSet>([[merged.apiVersion, EMPTY_SET]])
    for (const { apiVersion, set } of owners.values()) {
      owned.set(apiVersion, union(owned.get(apiVersion) ?? EMPTY_SET, set))
    }
    let current = { merged, pruned }
    for (const [apiVersion, set] of owned) {
      const versionedMerged = this.#converter.convert(current.merged, apiVersion)
      const versionedPruned = versionedMerged && this.#converter.convert(current.pruned, apiVersion)
      if (!versionedPruned) continue
      current = { merged: versionedMerged, pruned: addBack(versionedMerged, versionedPruned, set) }
    }
    return current.pruned
  }

  /** Brings back what went along with a pruned item though nobody had applied it. */
  #addBackDangling(merged: TypedValue, pruned: TypedValue, last: ManagerEntry): TypedValue {
    const versioned = this.#converter.convert(pruned, last.apiVersion)
    if (!versioned) return merged
    const { node } = merged
    const prunedSet = withNamedFields(toFieldSet(versioned.node, versioned.value), node)
    const mergedSet = withNamedFields(toFieldSet(node, merged.value), node)
    return withoutItems(merged, intersection(difference(mergedSet, prunedSet), withNamedFields(last.set, node)))
  }
}

interface Change {
  readonly live: TypedValue
  readonly next: TypedValue
  readonly owners: Managers
  readonly comparison: Comparison
  readonly force: boolean
  /** Id of who makes the change. */
  readonly except?: string
  readonly zeros: boolean
}

function takenFields(owned: FieldSet, { modified, added }: Comparison): FieldSet {
  if (isEmptySet(modified) && isEmptySet(added)) return EMPTY_SET
  return intersection(owned, union(modified, added))
}

function appliedEntry(
  applier: ManagerEntry,
  last: ManagerEntry | undefined,
  set: FieldSet,
  apiVersion: string,
): ManagerEntry {
  const same =
    last !== undefined && last.apiVersion === apiVersion && isSubset(last.set, set) && isSubset(set, last.set)
  return same ? last : { ...applier, time: last?.time, apiVersion, set, encoded: undefined }
}

function withoutItems(from: TypedValue, items: FieldSet): TypedValue {
  return { ...from, value: removeItems(from.node, from.value, items) }
}

function addBack(merged: TypedValue, pruned: TypedValue, owned: FieldSet): TypedValue {
  const { node } = merged
  const mergedSet = withNamedFields(toFieldSet(node, merged.value), node)
  const prunedSet = withNamedFields(toFieldSet(node, pruned.value), node)
  return withoutItems(merged, difference(mergedSet, union(prunedSet, withNamedFields(owned, node))))
}
