import { expect, test } from 'vitest'
import type { RequestTrace } from './request-trace.ts'
import type { TraceNode } from './trace-record.ts'
import { CauseGraph, traceTrees } from './trace-tree.ts'

let id = 0

/** A record with what trees look at. */
function record(name: string, revisions: readonly number[], causes?: readonly number[]): RequestTrace {
  const fields = { id: ++id, time: id * 1000, startedAt: id * 1000, revisions }
  const view = () => ({ id: fields.id, name })
  return { ...fields, cause: causes && { revisions: causes }, view } as unknown as RequestTrace
}

/** A tree in short: `a(b c(d))`, with references behind a star. */
function text({ record: { name, id: own }, children, alsoCaused = [], omitted = 0 }: TraceNode): string {
  expect(own).toBeGreaterThan(0)
  const parts = [...children.map(text), ...alsoCaused.map((other) => `*${other}`), ...(omitted ? [`+${omitted}`] : [])]
  return parts.length === 0 ? name! : `${name}(${parts.join(' ')})`
}

const trees = (records: readonly RequestTrace[], roots: readonly RequestTrace[], isShown = (_: RequestTrace) => true) =>
  traceTrees(new CauseGraph(records), roots, isShown).map(text)

test('a write stands below what caused it', () => {
  const records = [
    record('deployment', [1]),
    record('replicaset', [2], [1]),
    record('pod', [3], [2]),
    record('status', [4], [1]),
    record('other', [5]),
  ]
  expect(trees(records, [records[0]!])).toEqual(['deployment(replicaset(pod) status)'])
})

test('a write with several causes stands below the first, the others refer to it', () => {
  const records = [record('a', [1]), record('b', [2], [1]), record('c', [3], [1]), record('d', [4], [2, 3])]
  expect(trees(records, [records[0]!])).toEqual([`a(b(d) c(*${records[3]!.id}))`])
})

test('a write that several roots led to stands in the tree of the first', () => {
  const records = [record('a', [1]), record('b', [2]), record('c', [3], [1, 2])]
  expect(trees(records, records.slice(0, 2))).toEqual(['a(c)', `b(*${records[2]!.id})`])
})

test('a request with several writes is one record', () => {
  const records = [record('a', [1, 2, 3]), record('b', [4], [2]), record('c', [5], [3])]
  expect(trees(records, [records[0]!])).toEqual(['a(b c)'])
})

test('a failed write is a leaf', () => {
  const records = [record('a', [1]), record('failed', [], [1])]
  expect(trees(records, [records[0]!])).toEqual(['a(failed)'])
})

test('causes that are claimed of what comes later make no circle', () => {
  const records = [record('a', [1], [2]), record('b', [2], [1]), record('self', [3], [3])]
  expect(trees(records, [records[0]!])).toEqual(['a(b)'])
  expect(new CauseGraph(records).origins(records[1]!)).toEqual([records[0]])
  expect(trees(records, [records[2]!])).toEqual(['self'])
})

test('loops that wake each other make a chain that is cut', () => {
  const records = Array.from({ length: 3000 }, (_, i) => record(`r${i}`, [i + 1], i === 0 ? undefined : [i]))
  const [tree] = trees(records, [records[0]!])
  expect(tree).toMatch(/^r0\(r1\(r2.*r31\(\+2968\)/)
})

test('an answer has an end', () => {
  const root = record('root', [1])
  const records = [root, ...Array.from({ length: 7000 }, (_, i) => record('leaf', [i + 2], [1]))]
  const [node] = traceTrees(new CauseGraph(records), [root], () => true)
  expect(node!.children.length + node!.omitted!).toBe(7000)
  expect(node!.children.length).toBeLessThanOrEqual(5000)
})

test('what is not shown is neither there nor referred to', () => {
  const records = [record('a', [1]), record('event', [2], [1]), record('b', [3], [2, 1])]
  expect(trees(records, [records[0]!], (r) => r !== records[1])).toEqual(['a(b)'])
})

test('times count from the begin of the tree', () => {
  const records = [record('a', [1]), record('b', [2], [1])]
  const [node] = traceTrees(new CauseGraph(records), [records[0]!], () => true)
  expect([node!.offsetMs, node!.children[0]!.offsetMs]).toEqual([0, 1000])
})
