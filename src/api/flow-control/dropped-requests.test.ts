import { expect, test } from 'vitest'
import { DroppedRequests } from './dropped-requests.ts'

/** Refuses so many in each second from the first on. */
function after(counts: readonly number[]): number {
  let now = 1_000_000_000_000
  const dropped = new DroppedRequests(() => now)
  for (const count of counts) {
    for (let i = 0; i < count; i++) dropped.record()
    now += 1000
  }
  return dropped.retryAfterSeconds
}

test('few refusals: a second', () => {
  expect(after([])).toBe(1)
  expect(after([2, 1])).toBe(1)
})

test('three times as many as seconds: twice as long, at most every so many seconds', () => {
  expect(after([3, 1])).toBe(2)
  expect(after([6, 6, 1])).toBe(2)
  expect(after([6, 6, 6, 1])).toBe(4)
})

test('never longer than 32 seconds', () => {
  expect(after(Array.from({ length: 200 }, () => 1000))).toBe(32)
})

test('fewer than seconds: a second less each time', () => {
  expect(after([6, 6, 6, 6, 1])).toBe(4)
  expect(after([6, 6, 6, 6, 1, 0, 0, 0, 0, 0, 1])).toBe(3)
})
