import { describe, expect, test } from 'vitest'
import { asApiError } from '../api-error.ts'
import type { Clock } from '../clock.ts'
import { cloneJson } from '../clone.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../kube-object.ts'
import type { SchemaField, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { FieldManager } from './field-manager.ts'

/**
 * A kind in several versions: fields that end in `_v1` are called `_v2` and `_v3` in the others. Objects are kept in v1.
 * Facts of structured-merge-diff merge/multiple_appliers_test.go (…FieldUnsetting, …FieldRenameConversions) and
 * merge/obsolete_versions_test.go.
 */
const VERSIONS = ['v1', 'v2', 'v3'] as const
type Version = (typeof VERSIONS)[number]

const text: SchemaNode = { kind: 'scalar', type: 'string', goName: 'string', enum: undefined }

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

const nodes = new Map<string, StructNode>(
  VERSIONS.map((version) => {
    const spec = struct({ name: text, [`scalar_${version}`]: text, [`complex_${version}`]: struct({ name: text }) })
    return [`x/${version}`, struct({ apiVersion: text, kind: text, metadata: struct({ name: text, uid: text }), spec })]
  }),
)

function renamed(value: unknown, from: string, to: string): unknown {
  if (!isJsonObject(value)) return value
  const members = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(
    members.map(([k, v]) => [k.replace(new RegExp(`_${from}$`), `_${to}`), renamed(v, from, to)]),
  )
}

function convert(object: KubeObject, apiVersion: string): KubeObject {
  const from = object.apiVersion.slice(2)
  return { ...(renamed(object, from, apiVersion.slice(2)) as KubeObject), apiVersion }
}

const clock: Clock = { now: () => 0, setTimer: () => ({ cancel: () => {} }) }

class Sandbox {
  live: KubeObject | undefined
  served: ReadonlySet<string> = new Set(nodes.keys())

  #manager(version: Version): FieldManager {
    const apiVersion = `x/${version}`
    return new FieldManager({
      node: nodes.get(apiVersion)!,
      apiVersion,
      kind: 'X',
      subresource: '',
      resetFields: [],
      clock,
      convert,
      nodeOf: (v) => (this.served.has(v) ? nodes.get(v) : undefined),
      complete: (object) => convert(object as unknown as KubeObject, 'x/v1'),
    })
  }

  apply(manager: string, version: Version, spec: JsonObject, force = false): void {
    this.#store(this.#manager(version).apply(this.live, object(version, spec), manager, force))
  }

  update(manager: string, version: Version, spec: JsonObject): void {
    const next = convert(object(version, spec) as unknown as KubeObject, 'x/v1')
    this.#store(this.#manager(version).update(this.live, next, manager))
  }

  #store(written: KubeObject): void {
    expect(written.apiVersion).toBe('x/v1')
    this.live = cloneJson({ ...written, metadata: { ...written.metadata, uid: 'u' } })
  }

  spec(version: Version): unknown {
    return convert(this.live!, `x/${version}`)['spec']
  }

  owners(): Record<string, unknown> {
    const entries = this.live?.metadata.managedFields ?? []
    return Object.fromEntries(entries.map((e) => [e.manager, [e.apiVersion, e.fieldsV1?.['f:spec']]]))
  }
}

const object = (version: Version, spec: JsonObject): JsonObject => ({
  apiVersion: `x/${version}`,
  kind: 'X',
  metadata: { name: 'a' },
  spec,
})

const combinations = VERSIONS.flatMap((a) => VERSIONS.flatMap((b) => VERSIONS.map((c) => [a, b, c] as const)))

describe.each(combinations)('written in %s, then %s, then %s', (first, second, third) => {
  const scalar = (version: Version, value = 'a') => ({ [`scalar_${version}`]: value })

  test('a field given up by its only owner goes', () => {
    const sandbox = new Sandbox()
    sandbox.apply('one', first, { name: 'a', ...scalar(first) })
    sandbox.apply('one', second, { name: 'a' })
    expect(sandbox.spec(third)).toEqual({ name: 'a' })
    expect(sandbox.owners()).toEqual({ one: [`x/${second}`, { 'f:name': {} }] })
  })

  test('a field that another applies stays', () => {
    const sandbox = new Sandbox()
    sandbox.apply('one', first, { name: 'a', ...scalar(first) })
    sandbox.apply('two', second, scalar(second))
    sandbox.apply('one', third, { name: 'a' })
    expect(sandbox.spec(third)).toEqual({ name: 'a', ...scalar(third) })
    expect(sandbox.owners()).toEqual({
      one: [`x/${third}`, { 'f:name': {} }],
      two: [`x/${second}`, { [`f:scalar_${second}`]: {} }],
    })
  })

  test('a struct given up goes with what lies in it', () => {
    const sandbox = new Sandbox()
    sandbox.apply('one', first, { name: 'a', [`complex_${first}`]: { name: 'b' } })
    sandbox.apply('one', second, { name: 'a' })
    expect(sandbox.spec(third)).toEqual({ name: 'a' })
  })

  test('an update takes a field from who applied it', () => {
    const sandbox = new Sandbox()
    sandbox.apply('applier', first, { name: 'a', ...scalar(first) })
    sandbox.update('updater', second, { name: 'a', ...scalar(second, 'b') })
    expect(sandbox.spec(third)).toEqual({ name: 'a', ...scalar(third, 'b') })
    expect(sandbox.owners()).toEqual({
      applier: [`x/${first}`, { 'f:name': {} }],
      updater: [`x/${second}`, { [`f:scalar_${second}`]: {} }],
    })
  })

  test('a conflict names the field as its owner knows it', () => {
    const sandbox = new Sandbox()
    sandbox.apply('one', first, scalar(first))
    let message: string | undefined
    try {
      sandbox.apply('two', second, scalar(second, 'b'))
    } catch (error) {
      message = asApiError(error)?.message
    }
    expect(message).toBe(`Apply failed with 1 conflict: conflict with "one": .spec.scalar_${first}`)
  })
})

test('owners in a version that is not served any more are forgotten', () => {
  const sandbox = new Sandbox()
  sandbox.update('one', 'v2', { name: 'a' })
  sandbox.served = new Set(['x/v1', 'x/v3'])
  sandbox.update('two', 'v3', { name: 'a', scalar_v3: 'x' })
  expect(sandbox.owners()).toEqual({ two: ['x/v3', { 'f:scalar_v3': {} }] })
})

test('what was applied in a version that is not served any more stays', () => {
  const sandbox = new Sandbox()
  sandbox.apply('one', 'v2', { name: 'a', scalar_v2: 'x' })
  sandbox.served = new Set(['x/v1', 'x/v3'])
  sandbox.apply('one', 'v3', { name: 'a' })
  expect(sandbox.spec('v1')).toEqual({ name: 'a', scalar_v1: 'x' })
})
