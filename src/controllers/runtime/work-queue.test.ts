import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import { WorkQueue } from './work-queue.ts'

let clock: ManualClock
let queue: WorkQueue
let woken: number
beforeEach(() => {
  clock = new ManualClock()
  woken = 0
  queue = new WorkQueue({ clock, onReady: () => woken++ })
})

test('a key is in the queue once, and keys come out in the order in which they came', () => {
  for (const key of ['a', 'b', 'a']) queue.add(key)
  expect([queue.take()?.key, queue.take()?.key, queue.take()]).toEqual(['a', 'b', undefined])
  expect(woken).toBe(2)
})

test('a key that is added while it is worked on comes again once that is done', () => {
  queue.add('a')
  queue.take()
  queue.add('a')
  expect(queue.take()).toBeUndefined()
  queue.done('a')
  expect(queue.take()?.key).toBe('a')
})

test('of several delays the earliest counts', () => {
  queue.addAfter('a', 5000)
  queue.addAfter('a', 1000)
  queue.addAfter('a', 3000)
  clock.advance(999)
  expect(queue.depth).toBe(0)
  clock.advance(1)
  expect(queue.take()?.key).toBe('a')
  queue.done('a')
  clock.advance(10_000)
  expect(queue.depth).toBe(0)
})

test('failures back off from 5 ms on, doubling up to 1,000 s; success begins anew', () => {
  const delays: number[] = []
  for (let i = 0; i < 20; i++) {
    queue.addWithBackoff('a')
    const from = clock.now()
    while (queue.depth === 0) clock.advance(5)
    delays.push(clock.now() - from)
    queue.done(queue.take()!.key)
  }
  expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40])
  expect(delays.at(-1)).toBe(1_000_000)
  queue.forget('a')
  expect(queue.failures('a')).toBe(0)
})

test('the time that a key waited is told', () => {
  queue.add('a')
  clock.advance(250)
  expect(queue.take()).toMatchObject({ key: 'a', waitedMs: 250 })
})

test('a stopped queue gives nothing out and forgets its timers', () => {
  queue.addAfter('a', 1000)
  queue.add('b')
  queue.stop()
  expect(clock.pending).toBe(0)
  expect(queue.take()).toBeUndefined()
})

test('all that added a key since it was taken last is its cause', () => {
  queue.add('a', { revisions: [7] })
  queue.add('a', { revisions: [9] })
  expect(queue.take()?.cause).toEqual({ revisions: [7, 9] })
  queue.add('a', { revisions: [11] })
  queue.done('a')
  expect(queue.take()?.cause).toEqual({ revisions: [11] })
})

test('a key that comes again after a failure, or after a time of its own, keeps what it came of', () => {
  queue.addWithBackoff('a', { revisions: [7] })
  clock.advance(5)
  expect(queue.take()?.cause).toEqual({ revisions: [7], trigger: 'retry' })
  queue.done('a')
  queue.addAfter('a', 1000, { revisions: [7], trigger: 'timer' })
  clock.advance(1000)
  expect(queue.take()?.cause).toEqual({ revisions: [7], trigger: 'timer' })
})

test('what happens to keys is told as client-go counts it', () => {
  const told: string[] = []
  const metrics = {
    added: () => told.push('added'),
    taken: (ms: number) => told.push(`taken after ${ms}`),
    done: () => told.push('done'),
    retried: () => told.push('retried'),
  }
  const counted = new WorkQueue({ clock, onReady: () => {}, metrics: () => metrics })
  counted.add('a')
  counted.add('a')
  clock.advance(7)
  counted.take()
  expect([counted.depth, [...counted.startTimes].length]).toEqual([0, 1])
  // Twice while it is worked on: it comes again once.
  counted.add('a')
  counted.add('a')
  counted.done('a')
  counted.addWithBackoff('b')
  expect(told).toEqual(['added', 'taken after 7', 'added', 'done', 'retried'])
  expect([counted.depth, [...counted.startTimes].length]).toEqual([1, 0])
})
