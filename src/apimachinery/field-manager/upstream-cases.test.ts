import { describe, expect, test } from 'vitest'
import {
  type CaseSchema,
  type CaseType,
  caseSchemas,
  type OwnershipCase,
  ownershipGroups,
  valueGroups,
} from '../../../test/suites/field-manager-cases.ts'
import type { ScalarType, SchemaField, SchemaNode } from '../schema/schema-node.ts'
import { compareValues } from './compare.ts'
import {
  difference,
  EMPTY_SET,
  type FieldSet,
  FieldSetBuilder,
  isEmptySet,
  pathsOf,
  recursiveDifference,
  union,
} from './field-set.ts'
import type { ManagerEntry, Managers } from './managed-fields.ts'
import { mergeValues } from './merge-values.ts'
import {
  fieldElement,
  keyElement,
  type PathElement,
  type PathElements,
  printPath,
  valueElement,
} from './path-element.ts'
import { extractItems, removeItems } from './remove-items.ts'
import { ANY_ELEMENT, type FieldFilter, includeFields } from './reset-fields.ts'
import { toFieldSet } from './to-field-set.ts'
import { DEDUCED_NODE, TypedValueError } from './typed-value.ts'
import { ConflictsError, type TypedValue, Updater } from './updater.ts'
import { validateTyped } from './validate-typed.ts'

const SCALARS: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  number: 'float64',
  bool: 'bool',
  scalar: 'quantity',
}

/** The schema of a case. */
function nodeOf({ root, types }: CaseSchema): SchemaNode {
  const named = new Map<string, SchemaNode>()
  const compile = (type: CaseType): SchemaNode => {
    if (typeof type === 'string') return type.startsWith('#') ? namedNode(type.slice(1)) : scalarNode(type)
    if ('list' in type) {
      const listType = typeof type.by === 'string' ? type.by : 'map'
      return { kind: 'list', item: compile(type.list), listType, mapKeys: typeof type.by === 'string' ? [] : type.by }
    }
    if ('map' in type) return { kind: 'map', value: compile(type.map), atomic: type.atomic ?? false }
    const fields = new Map<string, SchemaField>()
    for (const [name, field] of Object.entries(type.fields)) {
      const common = { omit: 'unset', zero: undefined, patchStrategy: [], patchMergeKey: undefined } as const
      fields.set(name, { name, node: compile(field), default: type.defaults?.[name], ...common })
    }
    const { atomic = false, unknown: preserveUnknown = false } = type
    return { kind: 'struct', definition: '', goName: '', required: [], fields, preserveUnknown, atomic }
  }
  /** A type that contains itself gives out one node, whose parts are looked up when they are needed. */
  const namedNode = (name: string): SchemaNode => {
    const known = named.get(name)
    if (known) return known
    const type = types[name]!
    let parts: SchemaNode | undefined
    const node = new Proxy({} as SchemaNode, {
      get: (_, key) => {
        parts ??= compile(type)
        return Reflect.get(parts, key)
      },
    })
    named.set(name, node)
    return node
  }
  return compile(root)
}

function scalarNode(type: string): SchemaNode {
  if (type === 'deduced') return DEDUCED_NODE
  if (type === 'atomic') return { kind: 'any', either: 'schema-or-list' }
  return { kind: 'scalar', type: SCALARS[type]!, goName: '', enum: undefined }
}

const STEP = /\.([^.[*]+)|\[=("(?:\\.|[^"\\])*"|[^\]]+)\]|\[((?:[^="\]]+=(?:"(?:\\.|[^"\\])*"|[^,\]]+),?)+)\]|(\*)/g

function parsePath(text: string): PathElements {
  return [...text.matchAll(STEP)].map(([, field, value, keys]): PathElement => {
    if (field !== undefined) return fieldElement(field)
    if (value !== undefined) return valueElement(JSON.parse(value))
    if (keys === undefined) return ANY_ELEMENT
    const fields = [...keys.matchAll(/([^=,]+)=("(?:\\.|[^"\\])*"|[^,]+)/g)]
    return keyElement(fields.map(([, name, json]): [string, unknown] => [name!, JSON.parse(json!)]))
  })
}

function parsePaths(text: string): PathElements[] {
  return [...text.matchAll(/(?:\*|\.[^.[\s*]+|\[(?:"(?:\\.|[^"\\])*"|[^"\]])*\])+/g)].map(([path]) => parsePath(path))
}

function setFrom(text: string): FieldSet {
  const builder = new FieldSetBuilder()
  for (const path of parsePaths(text)) builder.add(path)
  return builder.build()
}

const print = (set: FieldSet): string => pathsOf(set).map(printPath).sort().join(' ')

function filterFrom(lines: readonly string[]): ReadonlyMap<string, FieldFilter> {
  return new Map(
    lines.map((line): [string, FieldFilter] => {
      const [version = '', kind, ...paths] = line.split(' ')
      if (kind === 'only') return [version, includeFields(parsePaths(paths.join(' ')))]
      const excluded = setFrom(paths.join(' '))
      return [version, (set) => recursiveDifference(set, excluded)]
    }),
  )
}

/** Runs the steps of a case. Managers go by their plain names, and every version has the same type. */
class CaseRun {
  readonly #updater: Updater
  #node: SchemaNode
  #filters: ReadonlyMap<string, FieldFilter>
  #live: unknown = null
  #conflicts: readonly string[] = []
  managers: Managers = new Map()

  constructor(schema: string, filters: readonly string[]) {
    this.#node = nodeOf(caseSchemas[schema]!)
    this.#filters = filterFrom(filters)
    this.#updater = new Updater({ convert: (value, apiVersion) => ({ ...value, apiVersion }) }, this.#filters)
  }

  get live(): unknown {
    return this.#live
  }

  run(steps: readonly string[]): void {
    for (const [i, step] of steps.entries()) {
      const [verb = '', manager = '', version = '', ...rest] = step.split(' ')
      if (verb === 'conflict') continue
      if (verb === 'schema') this.#node = nodeOf(caseSchemas[manager]!)
      else this.#change(verb, manager, version, JSON.parse(rest.join(' ')), steps.slice(i + 1))
    }
  }

  #typed(apiVersion: string, value: unknown): TypedValue {
    return { apiVersion, node: this.#node, value }
  }

  #change(verb: string, manager: string, version: string, object: unknown, following: readonly string[]): void {
    if (verb === 'update') {
      this.#update(manager, version, object)
      return
    }
    validateTyped(this.#node, object, { allowDuplicates: false })
    this.#conflicts = []
    if (verb === 'extract') this.#apply(manager, version, this.#withExtracted(manager, object), true)
    else this.#apply(manager, version, object, verb === 'force')
    if (verb !== 'apply') return
    const end = following.findIndex((step) => !step.startsWith('conflict '))
    const expected = following.slice(0, end < 0 ? undefined : end).map((step) => step.slice('conflict '.length))
    expect([...this.#conflicts].sort()).toEqual([...expected].sort())
  }

  #update(manager: string, version: string, object: unknown): void {
    validateTyped(this.#node, object, { allowDuplicates: true })
    const result = this.#updater.update(this.#typed(version, this.#live), this.#typed(version, object), this.managers)
    const own = union(result.changed, result.managers.get(manager)?.set ?? EMPTY_SET)
    const filtered = this.#filters.get(version)?.(own) ?? own
    this.managers = result.managers
    if (isEmptySet(filtered)) this.managers.delete(manager)
    else this.managers.set(manager, entry(manager, 'Update', version, filtered))
    this.#live = object
  }

  #apply(manager: string, version: string, object: unknown, force: boolean): void {
    try {
      const result = this.#updater.apply({
        live: this.#typed(version, this.#live),
        config: this.#typed(version, object),
        managers: this.managers,
        applier: entry(manager, 'Apply', version, EMPTY_SET),
        applierId: manager,
        force,
      })
      this.managers = result.managers
      if (result.value !== undefined) this.#live = result.value
    } catch (error) {
      if (!(error instanceof ConflictsError)) throw error
      this.#conflicts = [...error.conflicts].flatMap(([owner, { fields }]) =>
        pathsOf(fields).map((path) => `${owner} ${printPath(path)}`),
      )
    }
  }

  #withExtracted(manager: string, object: unknown): unknown {
    if (this.#live === null) return object
    const owned = leavesOf(this.managers.get(manager)?.set ?? EMPTY_SET)
    return mergeValues(this.#node, extractItems(this.#node, this.#live, owned), object)
  }
}

function entry(manager: string, operation: 'Apply' | 'Update', apiVersion: string, set: FieldSet): ManagerEntry {
  return { manager, operation, apiVersion, subresource: '', time: undefined, set, encoded: undefined }
}

/** The members that nothing else lies below. */
function leavesOf(set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const [element, tree] of Object.entries(set)) if (element !== '.') result[element] = leavesOf(tree)
  return result
}

function owners(managers: Managers): string[] {
  return [...managers].map(([name, { apiVersion, set }]) => `${name} ${apiVersion} ${print(set)}`).sort()
}

function runCase(
  schema: string,
  { steps, object, owners: expected, filters = [], fails = false }: OwnershipCase,
): void {
  const run = new CaseRun(schema, filters)
  if (fails) {
    expect(() => run.run(steps)).toThrow(TypedValueError)
    return
  }
  run.run(steps)
  if (object !== undefined) expect(run.live).toEqual(JSON.parse(object))
  if (expected) expect(owners(run.managers)).toEqual([...expected].sort())
}

describe.each(ownershipGroups)('$source', ({ schema, cases }) => {
  test.each(cases)('$name', (ownershipCase) => runCase(schema, ownershipCase))
})

describe.each(valueGroups)('$source ($kind)', ({ kind, schema, rows }) => {
  const node = nodeOf(schema)
  const parse = (text: string | null | undefined): unknown => (text ? JSON.parse(text) : null)

  test.each(rows.map((row) => [row.join(' | '), row] as const))('%s', (_, [first, second, third, fourth, fifth]) => {
    const value = parse(first)
    if (kind === 'set') {
      expect(print(toFieldSet(node, value))).toBe(second)
    } else if (kind === 'merge') {
      expect(mergeValues(node, value, parse(second))).toEqual(parse(third))
    } else if (kind === 'compare') {
      const { removed, modified, added } = compareValues(node, value, parse(second), { zeros: false })
      expect([print(removed), print(modified), print(added)]).toEqual([third, fourth, fifth])
      const reverse = compareValues(node, parse(second), value, { zeros: false })
      expect([print(reverse.added), print(reverse.modified), print(reverse.removed)]).toEqual([third, fourth, fifth])
    } else {
      const items = setFrom(second!)
      if (third !== 'unparseable') expect(removeItems(node, value, items)).toEqual(parse(third))
      if (fourth !== 'unparseable') expect(extractItems(node, value, items)).toEqual(parse(fourth))
    }
  })
})

test('there are at least 200 cases', () => {
  const count = ownershipGroups.reduce((n, { cases }) => n + cases.length, 0)
  expect(count + valueGroups.reduce((n, { rows }) => n + rows.length, 0)).toBeGreaterThanOrEqual(200)
})

test('a difference of a set with itself is empty', () => {
  const set = setFrom('.a.b .a.c[name="x"] .a')
  expect(isEmptySet(difference(set, set))).toBe(true)
})
