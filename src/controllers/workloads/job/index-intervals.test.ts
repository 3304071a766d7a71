import { expect, test } from 'vitest'
import { IndexSet } from './index-intervals.ts'

// Cases of kubernetes pkg/controller/job/indexed_job_utils_test.go.
test.each([
  ['', 5, '', 0],
  ['1', 5, '1', 1],
  ['0-3,5,7-9', 10, '0-3,5,7-9', 8],
  ['1,2', 5, '1,2', 2],
  ['2-10', 5, '2-4', 3],
  ['a,1,b-2,3', 10, '1,3', 2],
  ['0,1,2', 5, '0-2', 3],
])('parse %j below %i → %j, %i indexes', (text, completions, expected, size) => {
  const set = IndexSet.parse(text, completions)
  expect([set.toString(), set.size]).toEqual([expected, size])
})

test('union joins neighbours and keeps what both have once', () => {
  const set = IndexSet.parse('1-3,8', 20).union(IndexSet.of([5, 4, 3, 9]))
  expect(set.toString()).toBe('1-5,8,9')
  expect([3, 6, 9].map((i) => set.has(i))).toEqual([true, false, true])
})

test('firstMissing gives the lowest free indexes below the completions', () => {
  expect(IndexSet.parse('0,2-3', 6).firstMissing(10, 6)).toEqual([1, 4, 5])
  expect(IndexSet.parse('0,2-3', 6).firstMissing(2, 6)).toEqual([1, 4])
  expect(IndexSet.EMPTY.firstMissing(0, 6)).toEqual([])
})
