import { expect, test } from 'vitest'
import { objectChanges } from './object-changes.ts'

const changesOf = (before: object, after: object) => objectChanges(before, after).changes

test('values that became others, came and went', () => {
  const before = { spec: { replicas: 1, paused: true, template: { a: 1 } } }
  const after = { spec: { replicas: 3, strategy: 'Recreate', template: { a: 1 } } }
  expect(changesOf(before, after)).toEqual([
    { path: 'spec.replicas', op: 'replace', from: 1, to: 3 },
    { path: 'spec.paused', op: 'remove', from: true },
    { path: 'spec.strategy', op: 'add', to: 'Recreate' },
  ])
})

test('bookkeeping of metadata is no change', () => {
  const before = { metadata: { resourceVersion: '1', generation: 1, managedFields: [], labels: { a: 'b' } } }
  const after = { metadata: { resourceVersion: '2', generation: 2, managedFields: [{}], labels: { a: 'b' } } }
  expect(objectChanges(before, after)).toEqual({ changes: [], isCut: false })
})

test('items of lists are matched by name or type, else by place', () => {
  const before = {
    containers: [{ name: 'a', image: 'x' }],
    conditions: [{ type: 'Ready', status: 'False' }],
    args: ['1'],
  }
  const after = {
    containers: [
      { name: 'b', image: 'y' },
      { name: 'a', image: 'z' },
    ],
    conditions: [{ type: 'Ready', status: 'True' }],
    args: ['2', '3'],
  }
  expect(changesOf(before, after)).toEqual([
    { path: 'containers[a].image', op: 'replace', from: 'x', to: 'z' },
    { path: 'containers[b]', op: 'add', to: { name: 'b', image: 'y' } },
    { path: 'conditions[Ready].status', op: 'replace', from: 'False', to: 'True' },
    { path: 'args[0]', op: 'replace', from: '1', to: '2' },
    { path: 'args[1]', op: 'add', to: '3' },
  ])
})

test('keys with dots are told apart from members', () => {
  expect(changesOf({ labels: {} }, { labels: { 'app.kubernetes.io/name': 'web' } })).toEqual([
    { path: 'labels[app.kubernetes.io/name]', op: 'add', to: 'web' },
  ])
})

test('values that change later do not change what was found', () => {
  const after = { spec: { tolerations: [{ key: 'a' }] } }
  const [change] = changesOf({ spec: {} }, after)
  after.spec.tolerations[0]!.key = 'b'
  expect(change).toEqual({ path: 'spec.tolerations', op: 'add', to: [{ key: 'a' }] })
})

test('hidden values leave paths alone', () => {
  const { changes } = objectChanges({ data: { a: 'c2VjcmV0' } }, { data: { a: 'b3RoZXI=' } }, { hideValues: true })
  expect(changes).toEqual([{ path: 'data.a', op: 'replace' }])
})

test('long values are cut, and so is a long list of changes', () => {
  const [long] = changesOf({}, { data: 'x'.repeat(10_000) })
  expect(String(long?.to)).toMatch(/^x{256}…$/)
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i]))
  expect(objectChanges({}, many)).toMatchObject({ isCut: true, changes: { length: 24 } })
})

test('an object of a megabyte is not compared to its end', () => {
  const list = Array.from({ length: 50_000 }, (_, i) => ({ i }))
  const copy = structuredClone(list)
  copy.at(-1)!.i = -1
  expect(objectChanges({ list }, { list: copy })).toMatchObject({ isCut: true })
})
