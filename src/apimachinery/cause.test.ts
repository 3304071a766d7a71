import { expect, test } from 'vitest'
import { CauseCollector, causedByChange, formatCause, later, MAX_CAUSE_REVISIONS, parseCause } from './cause.ts'

test.each([
  ['4711', { revisions: [4711] }],
  ['4711,4713', { revisions: [4711, 4713] }],
  ['4711;timer', { revisions: [4711], trigger: 'timer' }],
  ['0', { revisions: [] }],
  ['0;retry', { revisions: [], trigger: 'retry' }],
] as const)('the header %j is a cause, and the other way round', (header, cause) => {
  expect(parseCause(header)).toEqual(cause)
  expect(formatCause(cause)).toBe(header)
})

test.each([
  '',
  'x',
  '-1',
  '1,,2',
  '1;soon',
  '1 ',
  '9'.repeat(16),
  Array.from({ length: 17 }, (_, i) => i + 1).join(','),
])('the header %j is none', (header) => {
  expect(parseCause(header)).toBeUndefined()
})

test('what wakes something several times is one cause: each change once, in order', () => {
  const causes = new CauseCollector()
  for (const resourceVersion of ['7', '9', '7']) causes.add(causedByChange({ metadata: { resourceVersion } }))
  expect(causes.take()).toEqual({ revisions: [7, 9] })
  expect(causes.take()).toEqual({ revisions: [] })
})

test('of too many changes the newest are kept', () => {
  const causes = new CauseCollector()
  for (let i = 1; i <= 100; i++) causes.add({ revisions: [i] })
  const { revisions } = causes.take()
  expect(revisions).toHaveLength(MAX_CAUSE_REVISIONS)
  expect(revisions.at(-1)).toBe(100)
})

test('a timer counts as one only where nothing else woke', () => {
  const causes = new CauseCollector()
  causes.add(later({ revisions: [3] }, 'timer'))
  expect(causes.take()).toEqual({ revisions: [3], trigger: 'timer' })
  causes.add(later({ revisions: [3] }, 'timer'))
  causes.add({ revisions: [4] })
  expect(causes.take()).toEqual({ revisions: [3, 4] })
})
