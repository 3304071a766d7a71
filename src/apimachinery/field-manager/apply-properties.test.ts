import { describe, expect, test } from 'vitest'
import { fc } from '../../../test/suites/property.ts'
import type { Clock } from '../clock.ts'
import { cloneJson } from '../clone.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../kube-object.ts'
import type { SchemaField, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { FieldManager } from './field-manager.ts'
import { EMPTY_SET, type FieldSet, fieldSetOf, isSubset, pathsOf, union } from './field-set.ts'
import { printPath } from './path-element.ts'
import { toFieldSet } from './to-field-set.ts'

const text: SchemaNode = { kind: 'scalar', type: 'string', goName: 'string', enum: undefined }
const anyMap = (atomic: boolean): SchemaNode => ({ kind: 'map', value: text, atomic })

function struct(fields: Readonly<Record<string, SchemaNode>>): StructNode {
  const common = {
    omit: 'unset',
    zero: undefined,
    default: undefined,
    patchStrategy: [],
    patchMergeKey: undefined,
  } as const
  const entries = Object.entries(fields).map(([name, node]): [string, SchemaField] => [name, { name, node, ...common }])
  const rest = { definition: '', goName: '', required: [], preserveUnknown: false, atomic: false }
  return { kind: 'struct', fields: new Map(entries), ...rest }
}

const itemFields = struct({ name: text, value: text, tags: { kind: 'list', item: text, listType: 'set', mapKeys: [] } })
const node = struct({
  apiVersion: text,
  kind: text,
  metadata: struct({ name: text, uid: text, labels: anyMap(false) }),
  spec: struct({
    one: text,
    two: text,
    map: anyMap(false),
    whole: anyMap(true),
    set: { kind: 'list', item: text, listType: 'set', mapKeys: [] },
    items: { kind: 'list', item: itemFields, listType: 'map', mapKeys: ['name'] },
  }),
})

const letter = fc.constantFrom('a', 'b', 'c')
const subset = fc.uniqueArray(letter, { minLength: 1, maxLength: 3 })
const map = fc.dictionary(letter, letter, { minKeys: 1, maxKeys: 3 })
const item = fc.record({ name: letter, value: letter, tags: subset }, { requiredKeys: ['name'] })
const items = fc.uniqueArray(item, { minLength: 1, maxLength: 3, selector: (i) => i.name })
const spec = fc.record({ one: letter, two: letter, map, whole: map, set: subset, items }, { requiredKeys: [] })
const config = spec.map((s): JsonObject => object(Object.keys(s).length > 0 ? { spec: s } : {}))
const manager = fc.constantFrom('m1', 'm2', 'm3')
const step = fc.record({ manager, config, verb: fc.constantFrom('apply', 'update') })
const steps = fc.array(step, { minLength: 1, maxLength: 8 })
const updates = fc.array(fc.record({ manager, config, verb: fc.constant('update') }), { minLength: 1, maxLength: 8 })
const applies = fc.array(fc.record({ manager, config, verb: fc.constant('apply') }), { minLength: 1, maxLength: 8 })

function object(more: JsonObject): JsonObject {
  return { apiVersion: 'x/v1', kind: 'X', metadata: { name: 'a' }, ...more }
}

const clock: Clock = { now: () => 0, setTimer: () => ({ cancel: () => {} }) }
const fieldManager = new FieldManager({
  node,
  apiVersion: 'x/v1',
  kind: 'X',
  subresource: '',
  resetFields: [],
  clock,
  complete: (o) => withoutNulls(o) as KubeObject,
})

/** What decoding does to what an apply leaves behind. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v !== null)
      .map(([k, v]) => [k, withoutNulls(v)]),
  )
}

type Step = { readonly manager: string; readonly config: JsonObject; readonly verb: string }

function write(live: KubeObject | undefined, { manager: name, config: applied, verb }: Step): KubeObject {
  const next = { ...cloneJson(applied), metadata: { name: 'a', uid: 'u' } } as unknown as KubeObject
  const written =
    verb === 'update' ? fieldManager.update(live, next, name) : fieldManager.apply(live, applied, name, true)
  return cloneJson({ ...written, metadata: { ...written.metadata, uid: 'u' } })
}

function run(list: readonly Step[]): KubeObject {
  return list.reduce<KubeObject | undefined>((live, s) => write(live, s), undefined)!
}

function ownedBy(live: KubeObject, who: (name: string) => boolean): FieldSet {
  return (live.metadata.managedFields ?? [])
    .filter((entry) => who(entry.manager!))
    .reduce((set, entry) => union(set, fieldSetOf(entry.fieldsV1)), EMPTY_SET)
}

/** Every path that leads somewhere in the object, structs and maps included. */
function pathsThere(live: KubeObject): Set<string> {
  const there = new Set<string>()
  for (const path of pathsOf(toFieldSet(node, live))) {
    for (let i = 1; i <= path.length; i++) there.add(printPath(path.slice(0, i)))
  }
  return there
}

/** Paths that somebody owns and that lead nowhere. */
function ownedButGone(live: KubeObject): string[] {
  const there = pathsThere(live)
  return pathsOf(ownedBy(live, () => true))
    .map(printPath)
    .filter((path) => !there.has(path))
}

/** Structs, maps and lists that are merged item by item. */
const CONTAINER = /^\.spec$|\.(?:map|set|items|tags)$/

describe('whatever was written', () => {
  test('the same apply again changes nothing', () => {
    fc.assert(
      fc.property(steps, manager, config, (list, name, applied) => {
        const once = write(run(list), { manager: name, config: applied, verb: 'apply' })
        expect(write(once, { manager: name, config: applied, verb: 'apply' })).toEqual(once)
      }),
    )
  })

  test('a forced apply is all there afterwards', () => {
    fc.assert(
      fc.property(steps, manager, config, (list, name, applied) => {
        const after = write(run(list), { manager: name, config: applied, verb: 'apply' })
        expectContains(after, applied)
        expect(
          isSubset(
            toFieldSet(node, { spec: applied['spec'] ?? {} }),
            union(
              ownedBy(after, (m) => m === name),
              toFieldSet(node, { spec: {} }),
            ),
          ),
        ).toBe(true)
      }),
    )
  })

  test('after updates nobody owns what is not there', () => {
    fc.assert(
      fc.property(updates, (list) => {
        expect(ownedButGone(run(list))).toEqual([])
      }),
    )
  })

  test('whatever the verb, nobody owns what is not there but containers that an apply has emptied', () => {
    fc.assert(
      fc.property(steps, (list) => {
        expect(ownedButGone(run(list)).filter((path) => !CONTAINER.test(path))).toEqual([])
      }),
    )
  })

  test('objects that are handed in stay as they are', () => {
    fc.assert(
      fc.property(steps, step, (list, last) => {
        const live = run(list)
        const before = JSON.stringify([live, last])
        write(live, last)
        expect(JSON.stringify([live, last])).toBe(before)
      }),
    )
  })
})

/**
 * structured-merge-diff writes null for a map whose last items are removed (typed/remove.go doMap), which decoding drops;
 * its comparison lists the items as removed, not the map (typed/compare.go doMap), so that its creator keeps it.
 */
test("a map that an apply has emptied stays its creator's", () => {
  const live = run([
    { manager: 'm1', config: object({ spec: { map: { c: 'a' } } }), verb: 'update' },
    { manager: 'm2', config: object({ spec: { map: { c: 'c', a: 'a' } } }), verb: 'apply' },
    { manager: 'm2', config: object({}), verb: 'apply' },
  ])
  expect(live['spec']).toEqual({})
  expect(live.metadata.managedFields).toMatchObject([
    { manager: 'm1', operation: 'Update', fieldsV1: { 'f:spec': { '.': {}, 'f:map': {} } } },
  ])
})

test('a manager that gives up everything takes along exactly what only it owned', () => {
  fc.assert(
    fc.property(applies, manager, (list, name) => {
      const live = run(list)
      const after = write(live, { manager: name, config: object({}), verb: 'apply' })
      const { metadata: _, ...rest } = after
      const others = ownedBy(live, (m) => m !== name)
      const left = toFieldSet(node, rest.spec === undefined ? {} : { spec: rest.spec })
      expect(pathsOf(left).map(printPath).sort()).toEqual(pathsOf(others).map(printPath).sort())
    }),
  )
})

/** Everything that `part` has is in `whole`: list items by name, sets by value. */
function expectContains(whole: unknown, part: unknown): void {
  if (Array.isArray(part)) {
    const list = whole as unknown[]
    for (const p of part) {
      if (isJsonObject(p))
        expectContains(
          list.find((i) => isJsonObject(i) && i['name'] === p['name']),
          p,
        )
      else expect(list).toContain(p)
    }
  } else if (isJsonObject(part)) {
    for (const [key, value] of Object.entries(part)) expectContains((whole as JsonObject)[key], value)
  } else {
    expect(whole).toBe(part)
  }
}
